import { AppError } from '@tallyfleet/domain'
import { parse } from 'csv-parse/sync'
import type { Reject } from './import-format.ts'
import { isBlank, MAX_LINE_BYTES, physicalLines, textOf, type PhysicalLine } from './physical-lines.ts'

/** A record of more lines than this has lost its closing quote. */
const MAX_RECORD_LINES = 10_000
const QUOTE = 0x22
const CARRIAGE_RETURN = 0x0d

/** A record of a CSV file: its fields, or why it has none. */
export type CsvRecord = { endByte: number; terminated: boolean }
  & ({ fields: string[] } | { reject: Reject } | { blank: true })

export type CsvOptions = {
  /** One character of ASCII; default `,`. */
  delimiter?: string | undefined
  /** Offset in the file at which the source begins; must be the start of a record. */
  startByte?: number | undefined
}

/**
 * Reads records as in RFC 4180: a quoted field may hold delimiters, newlines and doubled quotes. A quote that never
 * closes costs its own line and no other. Records come in groups, in the order of the file.
 *
 * csv-parse reads the fields but cannot say at which byte a record ends, so records are cut here, by their quotes.
 */
export async function* csvRecords(
  source: AsyncIterable<Buffer>, options: CsvOptions = {},
): AsyncGenerator<CsvRecord[]> {
  const delimiter = options.delimiter ?? ','
  if (!/^[\x01-\x7e]$/.test(delimiter) || /["\r\n]/.test(delimiter)) {
    throw new AppError('USAGE_INVALID', `the delimiter ${JSON.stringify(delimiter)} is not one character of ASCII`)
  }
  const joiner = new RecordJoiner(delimiter.charCodeAt(0))
  for await (const lines of physicalLines(source, options.startByte)) {
    const records = lines.flatMap((line) => joiner.add(line))
    if (records.length > 0) yield parseRecords(records, delimiter)
  }
  const rest = joiner.end()
  if (rest.length > 0) yield parseRecords(rest, delimiter)
}

/** A record whose fields are still one text, or one that needs no parsing. */
type RawRecord = { endByte: number; terminated: boolean } & ({ text: string } | { reject: Reject } | { blank: true })

type Quotes = 'closed' | 'open' | 'wrong'

/** Joins the lines of a record. A line that does not fit ends the wait for a closing quote. */
class RecordJoiner {
  readonly #delimiter: number
  /** Lines of a record in which a quote is open. */
  #open: PhysicalLine[] = []
  #openBytes = 0

  constructor(delimiter: number) {
    this.#delimiter = delimiter
  }

  add(line: PhysicalLine): RawRecord[] {
    if (this.#open.length === 0) return this.#start(line)
    const bytes = line.bytes
    const quotes = bytes ? quotesOf(bytes, this.#delimiter, true) : 'wrong'
    if (bytes && quotes === 'closed') {
      const lines = this.#take()
      return [rawRecord(Buffer.concat([...lines.flatMap(({ bytes }) => [bytes!, NEWLINE]), bytes]), line)]
    }
    const fits = this.#openBytes + (bytes?.length ?? 0) < MAX_LINE_BYTES && this.#open.length < MAX_RECORD_LINES
    if (bytes && quotes === 'open' && fits) {
      this.#hold(line, bytes)
      return []
    }
    return [...this.#giveUp(), ...this.add(line)]
  }

  end(): RawRecord[] {
    return this.#open.length === 0 ? [] : this.#giveUp()
  }

  #start(line: PhysicalLine): RawRecord[] {
    const { bytes, endByte, terminated } = line
    if (!bytes) return [rejected(line, 'too-long', `is longer than ${MAX_LINE_BYTES} bytes`)]
    if (isBlank(bytes)) return [{ endByte, terminated, blank: true }]
    const quotes = quotesOf(bytes, this.#delimiter, false)
    if (quotes === 'wrong') return [rejected(line, 'quotes', 'has a quote inside a field')]
    if (quotes === 'closed') return [rawRecord(bytes, line)]
    this.#hold(line, bytes)
    return []
  }

  /**
   * Rejects the line that opened the quote and reads the others again, each for itself. None of them can open a
   * quote: while one was open they held an even number of quotes. So no line is read more than twice.
   */
  #giveUp(): RawRecord[] {
    const [first, ...others] = this.#take()
    const reject = rejected(first!, 'quotes', 'has a quote that is not closed')
    return [reject, ...others.flatMap((line) => this.#start(line))]
  }

  #hold(line: PhysicalLine, bytes: Buffer): void {
    this.#open.push(line)
    this.#openBytes += bytes.length + 1
  }

  #take(): PhysicalLine[] {
    const lines = this.#open
    this.#open = []
    this.#openBytes = 0
    return lines
  }
}

const NEWLINE = Buffer.from('\n')

function rejected({ endByte, terminated }: PhysicalLine, reason: string, detail: string): RawRecord {
  return { endByte, terminated, reject: { reason, detail } }
}

function rawRecord(bytes: Buffer, last: PhysicalLine): RawRecord {
  const text = textOf(bytes, 'utf8')
  if (text === undefined) return rejected(last, 'encoding', 'is not UTF-8')
  return { endByte: last.endByte, terminated: last.terminated, text }
}

/** How the quotes of a line stand at its end, when a quoted field was open at its start or not. */
function quotesOf(bytes: Buffer, delimiter: number, open: boolean): Quotes {
  if (!open && bytes.indexOf(QUOTE) < 0) return 'closed'
  let state: 'start' | 'plain' | 'quoted' | 'after' = open ? 'quoted' : 'start'
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (state === 'quoted') {
      if (byte === QUOTE) state = 'after'
    } else if (byte === delimiter) {
      state = 'start'
    } else if (byte === QUOTE) {
      if (state === 'plain') return 'wrong'
      state = 'quoted'
    } else if (state === 'after') {
      if (byte !== CARRIAGE_RETURN || at !== bytes.length - 1) return 'wrong'
    } else {
      state = 'plain'
    }
  }
  return state === 'quoted' ? 'open' : 'closed'
}

/** All in one call, because a call costs far more than a record; one by one where that does not come out even. */
function parseRecords(records: RawRecord[], delimiter: string): CsvRecord[] {
  const texts = records.flatMap((record) => ('text' in record ? [record.text] : []))
  const parsed = texts.length > 1 ? parseText(texts.join('\n'), delimiter) : undefined
  let next = 0
  return records.map((record) => {
    if (!('text' in record)) return record
    const { endByte, terminated, text } = record
    const fields = parsed?.length === texts.length ? parsed[next++] : parseText(text, delimiter)?.[0]
    return fields
      ? { endByte, terminated, fields }
      : { endByte, terminated, reject: { reason: 'malformed', detail: 'is not CSV' } }
  })
}

function parseText(text: string, delimiter: string): string[][] | undefined {
  try {
    return parse(text, { delimiter, record_delimiter: '\n', relax_column_count: true })
  } catch {
    return undefined
  }
}
