import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { deltaOf, fieldOf, SEPARATOR, type Delta } from '@tallyfleet/domain'

/** Of text, so that the compressed part is below 8 MiB whatever it holds. */
const MAX_PART_CHARS = 2 * 1_048_576

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Deltas as compressed parts of lines, `field U+001F value`; at least one part. */
export async function packDeltas(deltas: readonly Delta[]): Promise<Buffer[]> {
  const parts: Buffer[] = []
  let lines: string[] = []
  let chars = 0
  for (const delta of deltas) {
    const line = `${fieldOf(delta)}${SEPARATOR}${delta.value}`
    if (chars + line.length > MAX_PART_CHARS) {
      parts.push(await compress(lines.join('\n')))
      lines = []
      chars = 0
    }
    lines.push(line)
    chars += line.length + 1
  }
  parts.push(await compress(lines.join('\n')))
  return parts
}

/** The inverse of {@link packDeltas}, in the same order. */
export async function unpackDeltas(parts: readonly Uint8Array[]): Promise<Delta[]> {
  const deltas: Delta[] = []
  for (const part of parts) {
    const text = (await decompress(part)).toString()
    if (text === '') continue
    for (const line of text.split('\n')) {
      const end = line.lastIndexOf(SEPARATOR)
      deltas.push(deltaOf(line.slice(0, end), Number(line.slice(end + 1))))
    }
  }
  return deltas
}
