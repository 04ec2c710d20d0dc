import { AppError } from '@tallyfleet/domain'
import { createLineReader } from './create-line-reader.ts'
import { createCsvReader, type FieldMap } from './csv-line.ts'
import { csvRecords, type CsvOptions } from './csv-records.ts'
import type { ImportFormat, LineContext, LineFormat, ReadLine } from './import-format.ts'
import { isBlank, MAX_LINE_BYTES, physicalLines, textOf } from './physical-lines.ts'

/** A record of an imported file and where it ends. */
export type ImportRecord = {
  /** Offset in the file just behind the record and its newline. */
  endByte: number
  /** False for a last record without newline: when the file grows, this record may become another one. */
  terminated: boolean
  record: ReadLine
}

export type ReadRecordsOptions = LineContext & CsvOptions & {
  /** `csv`: where the fields of the contract come from, beside columns of their own name. */
  map?: FieldMap | undefined
  /** `csv`: the columns, where the source does not begin with them. */
  columns?: readonly string[] | undefined
}

/** Blank lines in a row beyond this many are rejected without waiting for what follows: they are held in memory. */
const MAX_HELD_BLANKS = 10_000

/**
 * Reads a file record by record: one answer for each record, also for those that are skipped or rejected, with rising
 * `endByte`; the last one's is the file's length. The same file always gives the same records, however its bytes
 * arrive. Bad input becomes rejects; only a header that cannot serve throws `IMPORT_INVALID`, and an error of the
 * source passes through.
 */
export function readRecords(
  source: AsyncIterable<Buffer>, format: ImportFormat, options: ReadRecordsOptions = {},
): AsyncGenerator<ImportRecord> {
  return settleBlanks(format === 'csv' ? csvEvents(source, options) : lineEvents(source, format, options))
}

type Draft = Omit<ImportRecord, 'record'> & { record: ReadLine | 'blank' }

async function* lineEvents(
  source: AsyncIterable<Buffer>, format: LineFormat, options: ReadRecordsOptions,
): AsyncGenerator<Draft[]> {
  const { read, encoding } = createLineReader(format, options)
  for await (const lines of physicalLines(source, options.startByte)) {
    yield lines.map(({ bytes, endByte, terminated }): Draft => {
      if (!bytes) return { endByte, terminated, record: rejected('too-long', `is longer than ${MAX_LINE_BYTES} bytes`) }
      if (isBlank(bytes)) return { endByte, terminated, record: 'blank' }
      const text = textOf(bytes, encoding)
      return { endByte, terminated, record: text === undefined ? rejected('encoding', 'is not UTF-8') : read(text) }
    })
  }
}

async function* csvEvents(source: AsyncIterable<Buffer>, options: ReadRecordsOptions): AsyncGenerator<Draft[]> {
  const map: FieldMap = options.map ?? new Map()
  let read = options.columns && createCsvReader(options.columns, map, options)
  for await (const records of csvRecords(source, options)) {
    yield records.map((record): Draft => {
      const { endByte, terminated } = record
      if ('blank' in record) return { endByte, terminated, record: 'blank' }
      if ('reject' in record) {
        if (!read) throw new AppError('IMPORT_INVALID', `the header ${record.reject.detail}`)
        return { endByte, terminated, record: { reject: record.reject } }
      }
      if (read) return { endByte, terminated, record: read(record.fields) }
      read = createCsvReader(record.fields, map, options)
      return { endByte, terminated, record: { skip: true } }
    })
  }
}

/** A blank line is skipped at the end of a file and a fault before anything else, which shows only at the next line. */
async function* settleBlanks(groups: AsyncIterable<Draft[]>): AsyncGenerator<ImportRecord> {
  let held: Omit<ImportRecord, 'record'>[] = []
  for await (const group of groups) {
    for (const { endByte, terminated, record } of group) {
      if (record === 'blank') {
        held.push({ endByte, terminated })
        if (held.length <= MAX_HELD_BLANKS) continue
      }
      for (const blank of held) yield { ...blank, record: rejected('blank', 'is blank') }
      held = []
      if (record !== 'blank') yield { endByte, terminated, record }
    }
  }
  for (const blank of held) yield { ...blank, record: { skip: true } }
}

function rejected(reason: string, detail: string): ReadLine {
  return { reject: { reason, detail } }
}
