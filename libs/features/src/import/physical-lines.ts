import { isUtf8 } from 'node:buffer'
import { MAX_BODY_BYTES } from '@tallyfleet/domain'

/** The longest line that is read, in bytes, without its ending. */
export const MAX_LINE_BYTES = MAX_BODY_BYTES

const NEWLINE = 0x0a
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** A line of a file. */
export type PhysicalLine = {
  /** Without the newline; undefined when longer than {@link MAX_LINE_BYTES}. May share memory with its neighbours. */
  bytes: Buffer | undefined
  /** Offset in the file just behind the newline. */
  endByte: number
  /** False for a last line without newline: it may still grow. */
  terminated: boolean
}

/**
 * Cuts a file into lines, a group for each chunk of the source. Memory is bounded by one chunk and one line. A
 * byte order mark at the start of the file is dropped.
 * @param startByte offset in the file at which `source` begins; must be the start of a line
 */
export async function* physicalLines(source: AsyncIterable<Buffer>, startByte = 0): AsyncGenerator<PhysicalLine[]> {
  const part = new PartialLine()
  let chunkStart = startByte
  let first = startByte === 0
  const lineOf = (bytes: Buffer | undefined, endByte: number, terminated: boolean): PhysicalLine => {
    if (first && bytes?.subarray(0, 3).equals(BYTE_ORDER_MARK)) bytes = bytes.subarray(3)
    first = false
    return { bytes, endByte, terminated }
  }

  for await (const chunk of source) {
    const lines: PhysicalLine[] = []
    let from = 0
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      lines.push(lineOf(part.complete(chunk.subarray(from, to)), chunkStart + to + 1, true))
      from = to + 1
    }
    part.add(chunk.subarray(from))
    chunkStart += chunk.length
    if (lines.length > 0) yield lines
  }
  if (!part.isEmpty) yield [lineOf(part.complete(Buffer.alloc(0)), chunkStart, false)]
}

/** The beginning of a line whose end lies in a later chunk. Of a line that is too long it keeps nothing. */
class PartialLine {
  #pieces: Buffer[] = []
  #length = 0

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(piece: Buffer): void {
    this.#length += piece.length
    if (this.#length > MAX_LINE_BYTES) this.#pieces = []
    else if (piece.length > 0) this.#pieces.push(piece)
  }

  /** The whole line, or undefined when it is too long; empty again afterwards. */
  complete(last: Buffer): Buffer | undefined {
    if (this.#length === 0) return last.length > MAX_LINE_BYTES ? undefined : last
    this.add(last)
    const bytes = this.#length > MAX_LINE_BYTES ? undefined : Buffer.concat(this.#pieces, this.#length)
    this.#pieces = []
    this.#length = 0
    return bytes
  }
}

/** The text of a line without the carriage return of Windows, or undefined when it is not UTF-8. */
export function textOf(bytes: Buffer, encoding: 'utf8' | 'latin1'): string | undefined {
  const end = bytes.length > 0 && bytes[bytes.length - 1] === 0x0d ? bytes.length - 1 : bytes.length
  if (encoding === 'latin1') return bytes.toString('latin1', 0, end)
  return isUtf8(bytes) ? bytes.toString('utf8', 0, end) : undefined
}

/** Nothing but white space of ASCII. */
export function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false
  return true
}
