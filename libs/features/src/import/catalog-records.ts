import { isUtf8 } from 'node:buffer'
import { AppError, type CatalogMapping } from '@tallyfleet/domain'
import type { CatalogRowInput } from '@tallyfleet/ports'
import { readCatalogCell, readCatalogId, readCatalogValue, type ReadValue } from './catalog-value.ts'
import { csvRecords } from './csv-records.ts'
import type { Reject } from './import-format.ts'
import { readMovielensItem } from './movielens-item.ts'
import { readJsonObject } from './ndjson-line.ts'
import { isBlank, MAX_LINE_BYTES, physicalLines, textOf } from './physical-lines.ts'

export const CATALOG_FORMATS = ['movielens', 'ndjson', 'csv'] as const
export type CatalogFormat = (typeof CATALOG_FORMATS)[number]

/** A row for the catalog, or why a record is none. Blank lines and the header are left out. */
export type CatalogRecord = { endByte: number } & ({ row: CatalogRowInput } | { reject: Reject })

export type CatalogRecordsOptions = {
  /** The table that the rows are for: its columns say how a value is read. For `movielens` that of a `jav` movie. */
  mapping: CatalogMapping
  /** `csv`: one character of ASCII; default `,`. */
  delimiter?: string | undefined
}

/**
 * Reads catalog rows from a file. `ndjson`: `{"id": …, column: value}` on each line, columns that are absent keep
 * their value. `csv`: a header of `id` and columns. A column that the mapping does not have is a fault; totals are
 * not columns. A CSV header with such a fault throws `IMPORT_INVALID`.
 */
export function readCatalogRecords(
  source: AsyncIterable<Buffer>, format: CatalogFormat, options: CatalogRecordsOptions,
): AsyncGenerator<CatalogRecord> {
  switch (format) {
    case 'movielens': return lineRows(source, (bytes) => readMovielensItem(latinTextOf(bytes)))
    case 'ndjson': return lineRows(source, (bytes) => readNdjsonRow(bytes, options.mapping))
    case 'csv': return csvRows(source, options)
  }
}

async function* lineRows(
  source: AsyncIterable<Buffer>, read: (bytes: Buffer) => { row: CatalogRowInput } | { reject: Reject },
): AsyncGenerator<CatalogRecord> {
  for await (const lines of physicalLines(source)) {
    for (const { bytes, endByte } of lines) {
      if (!bytes) yield { endByte, ...reject('too-long', `is longer than ${MAX_LINE_BYTES} bytes`) }
      else if (!isBlank(bytes)) yield { endByte, ...read(bytes) }
    }
  }
}

/** The published file is Latin-1; copies of it in UTF-8 are known by being valid UTF-8, which such names never are. */
function latinTextOf(bytes: Buffer): string {
  return textOf(bytes, isUtf8(bytes) ? 'utf8' : 'latin1')!
}

function readNdjsonRow(bytes: Buffer, mapping: CatalogMapping): { row: CatalogRowInput } | { reject: Reject } {
  const text = textOf(bytes, 'utf8')
  if (text === undefined) return reject('encoding', 'is not UTF-8')
  const read = readJsonObject(text)
  if ('reject' in read) return read
  const { id, ...values } = read.object
  return rowOf(mapping, id, Object.entries(values), readCatalogValue)
}

async function* csvRows(source: AsyncIterable<Buffer>, options: CatalogRecordsOptions): AsyncGenerator<CatalogRecord> {
  let header: string[] | undefined
  for await (const records of csvRecords(source, options)) {
    for (const record of records) {
      if ('blank' in record) continue
      const { endByte } = record
      if (!header) {
        if ('reject' in record) throw new AppError('IMPORT_INVALID', `the header ${record.reject.detail}`)
        header = headerOf(record.fields, options.mapping)
      } else if ('reject' in record) {
        yield { endByte, reject: record.reject }
      } else if (record.fields.length !== header.length) {
        yield { endByte, ...reject('columns', `${record.fields.length} fields instead of ${header.length}`) }
      } else {
        const cells = header.map((column, index): [string, string] => [column, record.fields[index]!])
        const id = cells.find(([column]) => column === 'id')![1]
        yield { endByte, ...rowOf(options.mapping, id, cells.filter(([column]) => column !== 'id'), readCatalogCell) }
      }
    }
  }
}

function headerOf(fields: readonly string[], mapping: CatalogMapping): string[] {
  const header = fields.map((name) => name.trim())
  if (!header.includes('id')) throw new AppError('IMPORT_INVALID', 'the header has no column id')
  for (const [index, name] of header.entries()) {
    if (header.indexOf(name) !== index) {
      throw new AppError('IMPORT_INVALID', `the header has the column ${JSON.stringify(name)} twice`)
    }
    if (name !== 'id' && !Object.hasOwn(mapping.columns, name)) {
      throw new AppError('IMPORT_INVALID', `${mapping.table} has no column ${JSON.stringify(name)}; it has id, `
        + Object.keys(mapping.columns).join(', '))
    }
  }
  return header
}

function rowOf<Value>(
  mapping: CatalogMapping, id: unknown, values: [string, Value][],
  read: (type: CatalogMapping['columns'][string]['type'], value: Value) => ReadValue,
): { row: CatalogRowInput } | { reject: Reject } {
  const key = readCatalogId(mapping.key, id)
  if ('fault' in key) return reject('id', `the id ${key.fault}`)
  const columns: Record<string, unknown> = {}
  for (const [name, given] of values) {
    const column = Object.hasOwn(mapping.columns, name) ? mapping.columns[name] : undefined
    if (!column) return reject('column', `${mapping.table} has no column ${JSON.stringify(name.slice(0, 64))}`)
    const result = read(column.type, given)
    if ('fault' in result) return reject('value', `${name} ${result.fault}`)
    columns[name] = result.value
  }
  return { row: { id: key.id, columns } }
}

function reject(reason: string, detail: string): { reject: Reject } {
  return { reject: { reason, detail } }
}
