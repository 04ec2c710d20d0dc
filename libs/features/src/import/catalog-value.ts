import { entityIdFault, parseInstant, type CatalogMapping } from '@tallyfleet/domain'

type ColumnType = CatalogMapping['columns'][string]['type']

/** What a column may hold: dates as `2026-11-21`, instants as RFC 3339 in UTC with milliseconds, lists of texts. */
export type CatalogValue = string | number | boolean | string[] | null | Record<string, unknown> | unknown[]

export type ReadValue = { value: CatalogValue } | { fault: string }

const DAY = /^\d{4}-\d{2}-\d{2}$/
const NUMBER = /^-?\d{1,15}(?:\.\d{1,15})?$/
const TRUTH: Record<string, boolean> = { true: true, '1': true, false: false, '0': false }

/** Checks a value that came as JSON against the type of its column. Null is no value, in any column. */
export function readCatalogValue(type: ColumnType, value: unknown): ReadValue {
  if (value === null) return { value: null }
  switch (type) {
    case 'string':
    case 'text':
      return isText(value) ? { value } : { fault: 'is not a text' }
    case 'integer':
      return Number.isSafeInteger(value) ? { value: value as number } : { fault: 'is not a whole number' }
    case 'number':
      return Number.isFinite(value) ? { value: value as number } : { fault: 'is not a number' }
    case 'boolean':
      return typeof value === 'boolean' ? { value } : { fault: 'is not true or false' }
    case 'date':
      return isDay(value) ? { value } : { fault: 'is not a date such as 2026-11-21' }
    case 'datetime': {
      const at = typeof value === 'string' ? parseInstant(value) : undefined
      return at ? { value: at.toISOString() } : { fault: 'is not an RFC 3339 instant with Z or an offset' }
    }
    case 'list':
      return Array.isArray(value) && value.every(isText) ? { value } : { fault: 'is not a list of texts' }
    case 'json':
      return { value: value as CatalogValue }
  }
}

/** Reads a cell of CSV as the type of its column: lists are parted by `|`, an empty cell is no value. */
export function readCatalogCell(type: ColumnType, cell: string): ReadValue {
  if (cell === '') return { value: type === 'list' ? [] : null }
  switch (type) {
    case 'integer':
    case 'number':
      return readCatalogValue(type, NUMBER.test(cell) ? Number(cell) : cell)
    case 'boolean':
      return readCatalogValue(type, TRUTH[cell.toLowerCase()])
    case 'list':
      return readCatalogValue(type, cell.split('|').map((item) => item.trim()).filter((item) => item !== ''))
    case 'json':
      try {
        return { value: JSON.parse(cell) as CatalogValue }
      } catch {
        return { fault: 'is not JSON' }
      }
    default:
      return readCatalogValue(type, cell)
  }
}

/** The id of a row in NFC, if it is a legal entity id and fits the key of the table. */
export function readCatalogId(key: CatalogMapping['key'], id: unknown): { id: string } | { fault: string } {
  const text = (typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : id)
  if (typeof text !== 'string') return { fault: 'is missing' }
  const normal = text.normalize('NFC')
  const fault = entityIdFault(normal)
  if (fault) return { fault }
  if (key.type === 'integer' && !/^(?:0|-?[1-9]\d{0,18})$/.test(normal)) return { fault: 'is not a whole number' }
  if ([...normal].length > key.maxLength) return { fault: `is longer than ${key.maxLength} code points` }
  return { id: normal }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0')
}

function isDay(value: unknown): value is string {
  return typeof value === 'string' && DAY.test(value) && parseInstant(`${value}T00:00:00Z`) !== undefined
}
