import { parseInstant, type CatalogMapping } from '@tallyfleet/domain'
import type { SqlEngine, SqlValue } from './sql-database.ts'

export type ColumnType = CatalogMapping['columns'][string]['type']

/** Longest text, list or JSON of a column. */
export const MAX_TEXT_BYTES = 1_048_576
export const MAX_STRING_LENGTH = 255

/** The column of each type in a managed table. */
export const COLUMN_TYPES: Readonly<Record<SqlEngine, Readonly<Record<ColumnType, (column: string) => string>>>> = {
  mysql: {
    string: () => `VARCHAR(${MAX_STRING_LENGTH})`,
    text: () => 'MEDIUMTEXT',
    integer: () => 'BIGINT',
    number: () => 'DOUBLE',
    boolean: () => 'TINYINT(1)',
    date: () => 'DATE',
    datetime: () => 'DATETIME(3)',
    list: (column) => `MEDIUMTEXT CHECK (${column} IS NULL OR JSON_VALID(${column}))`,
    json: (column) => `MEDIUMTEXT CHECK (${column} IS NULL OR JSON_VALID(${column}))`,
  },
  sqlite: {
    string: () => 'TEXT',
    text: () => 'TEXT',
    integer: () => 'INTEGER',
    number: () => 'REAL',
    boolean: () => 'INTEGER',
    date: () => 'TEXT',
    datetime: () => 'TEXT',
    list: (column) => `TEXT CHECK (json_valid(${column}))`,
    json: (column) => `TEXT CHECK (json_valid(${column}))`,
  },
}

/** A value as the database takes it, or why it does not fit its type. Null and undefined clear the column. */
export function toSqlValue(
  type: ColumnType, value: unknown, engine: SqlEngine,
): { value: SqlValue } | { fault: string } {
  if (value === null || value === undefined) return { value: null }
  switch (type) {
    case 'string':
      if (typeof value !== 'string' || !value.isWellFormed()) return { fault: 'must be a string' }
      if ([...value].length > MAX_STRING_LENGTH) return { fault: `is longer than ${MAX_STRING_LENGTH} characters` }
      return { value }
    case 'text':
      if (typeof value !== 'string' || !value.isWellFormed()) return { fault: 'must be a string' }
      return sized(value)
    case 'integer':
      return Number.isSafeInteger(value) ? { value: value as number } : { fault: 'must be a whole number' }
    case 'number':
      return Number.isFinite(value) ? { value: value as number } : { fault: 'must be a number' }
    case 'boolean':
      return typeof value === 'boolean' ? { value: Number(value) } : { fault: 'must be true or false' }
    case 'date':
      return isDay(value) ? { value } : { fault: 'must be a real day, like 2026-11-21' }
    case 'datetime': {
      const at = value instanceof Date ? value : typeof value === 'string' ? parseInstant(value) : undefined
      if (!at || Number.isNaN(at.getTime()) || !isDay(at.toISOString().slice(0, 10))) {
        return { fault: 'must be an RFC 3339 instant with Z or an offset' }
      }
      const text = at.toISOString()
      return { value: engine === 'mysql' ? text.slice(0, 23).replace('T', ' ') : text }
    }
    case 'list':
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item.isWellFormed())) {
        return { fault: 'must be a list of strings' }
      }
      return sized(JSON.stringify(value))
    case 'json':
      return jsonValue(value)
  }
}

/**
 * A value as the engine hands it out: dates as `2026-11-21`, instants as RFC 3339 in UTC. What a user's own table holds
 * and does not fit comes out as null, never as an error: one odd row must not stop the others.
 */
export function fromSqlValue(type: ColumnType, raw: unknown): unknown {
  const value = raw instanceof Uint8Array ? Buffer.from(raw).toString() : raw
  if (value === null || value === undefined) return null
  switch (type) {
    case 'string':
    case 'text': return String(value)
    case 'integer':
    case 'number': return Number.isNaN(Number(value)) ? null : Number(value)
    case 'boolean': return value === true || Number(value) > 0
    case 'date': return isDay(String(value).slice(0, 10)) ? String(value).slice(0, 10) : null
    case 'datetime': {
      const text = String(value).replace(' ', 'T')
      const full = text.length === 10 ? `${text}T00:00:00` : text
      const at = parseInstant(/([Zz]|[+-]\d\d:\d\d)$/.test(full) ? full : `${full}Z`)
      return at?.toISOString() ?? null
    }
    case 'list': {
      const list = parseJson(value)
      return Array.isArray(list) ? list.filter((item) => typeof item !== 'object').map(String) : null
    }
    case 'json': return parseJson(value)
  }
}

function sized(value: string): { value: string } | { fault: string } {
  return Buffer.byteLength(value) <= MAX_TEXT_BYTES ? { value } : { fault: `is larger than ${MAX_TEXT_BYTES} bytes` }
}

function jsonValue(value: unknown): { value: string } | { fault: string } {
  try {
    const text = JSON.stringify(value)
    return text === undefined ? { fault: 'must be JSON' } : sized(text)
  } catch {
    return { fault: 'must be JSON' } // a cycle or a bigint
  }
}

function parseJson(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}

function isDay(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value) || value < '1000') return false
  const at = new Date(`${value}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value)
}
