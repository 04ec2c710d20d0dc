import { AppError } from '@tallyfleet/domain'
import type { LineContext, ReadLine } from './import-format.ts'

const FIELDS = ['domain', 'entity_type', 'entity_id', 'action', 'occurred_at', 'event_id', 'user_id', 'session_id']
const REQUIRED = ['domain', 'entity_type', 'entity_id', 'action', 'occurred_at']
const PROPERTY = /^properties\.(.+)$/
const INTEGER = /^-?(?:0|[1-9]\d{0,14})$/

/** Where a field of the event contract comes from. `properties.x` is the property x. */
export type FieldMap = ReadonlyMap<string, { column: string } | { constant: string }>

/**
 * Parses `--map` arguments: `entity_id=sku,action==view` takes the id from the column `sku` and sets the action to
 * `view`. Throws `USAGE_INVALID`.
 */
export function parseFieldMap(specs: readonly string[]): FieldMap {
  const map = new Map<string, { column: string } | { constant: string }>()
  for (const part of specs.flatMap((spec) => spec.split(',')).map((part) => part.trim())) {
    const equals = part.indexOf('=')
    const field = part.slice(0, Math.max(equals, 0))
    if (equals < 0 || (!FIELDS.includes(field) && !PROPERTY.test(field))) {
      throw new AppError('USAGE_INVALID', `--map ${JSON.stringify(part)} is not FIELD=COLUMN or FIELD==VALUE, `
        + `where FIELD is one of ${FIELDS.join(', ')} or properties.NAME`)
    }
    const constant = part[equals + 1] === '='
    const value = part.slice(equals + (constant ? 2 : 1))
    if (value === '') throw new AppError('USAGE_INVALID', `--map ${JSON.stringify(part)} names nothing`)
    if (map.has(field)) throw new AppError('USAGE_INVALID', `--map gives ${field} twice`)
    map.set(field, constant ? { constant: value } : { column: value })
  }
  return map
}

/**
 * Makes a reader of CSV records from the header. A field that the map leaves out is taken from the column of its own
 * name; other columns are ignored. An empty cell is an absent field. A property that is written as a whole number
 * becomes one, so that it can be a measure.
 *
 * Throws `IMPORT_INVALID` when the header lacks a column that is needed, or has it twice.
 */
export function createCsvReader(
  header: readonly string[], map: FieldMap, { domain }: LineContext = {},
): (fields: readonly string[]) => ReadLine {
  const columns = header.map((name) => name.trim())
  const sources = new Map<string, { index: number } | { constant: string }>()
  if (domain !== undefined) sources.set('domain', { constant: domain })
  for (const name of columns) {
    if ((FIELDS.includes(name) || PROPERTY.test(name)) && !map.has(name)) sources.set(name, columnOf(columns, name))
  }
  for (const [field, from] of map) sources.set(field, 'constant' in from ? from : columnOf(columns, from.column))
  for (const field of REQUIRED) {
    if (!sources.has(field)) {
      throw new AppError('IMPORT_INVALID', `nothing gives ${field}; use --map ${field}=COLUMN or ${field}==VALUE`)
    }
  }

  return (fields) => {
    if (fields.length !== columns.length) {
      const detail = `${fields.length} fields instead of ${columns.length}`
      return { reject: { reason: 'columns', detail } }
    }
    const event: Record<string, unknown> = {}
    const properties: [string, unknown][] = []
    for (const [field, from] of sources) {
      const value = 'constant' in from ? from.constant : fields[from.index]!
      const property = PROPERTY.exec(field)?.[1]
      if (value === '') continue
      if (property === undefined) event[field] = value
      else properties.push([property, INTEGER.test(value) ? Number(value) : value])
    }
    if (properties.length > 0) event.properties = Object.fromEntries(properties)
    return { event }
  }
}

function columnOf(columns: readonly string[], name: string): { index: number } {
  const index = columns.indexOf(name)
  if (index < 0) throw new AppError('IMPORT_INVALID', `the header has no column ${JSON.stringify(name)}`)
  if (columns.lastIndexOf(name) !== index) {
    throw new AppError('IMPORT_INVALID', `the header has the column ${JSON.stringify(name)} twice`)
  }
  return { index }
}
