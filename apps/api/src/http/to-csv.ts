import { stringify } from 'csv-stringify/sync'
import type { z } from 'zod'

type Cells = Map<string, unknown>

/**
 * Rows of a list as CSV (RFC 4180): objects become a column for each field (`counts.view`), lists JSON. Columns stand
 * in the order of the answer's schema, those of records behind it as they first appear, so an empty list has a head too.
 * What a spreadsheet would run as a formula is escaped.
 */
export function toCsv(rows: readonly unknown[], row: z.ZodType | undefined): string {
  const columns = new Set<string>(plainFields(row))
  const cells = rows.map((one) => {
    const flat: Cells = new Map()
    flatten(one, '', flat)
    for (const name of flat.keys()) columns.add(name)
    return flat
  })
  const names = [...columns]
  return stringify([names, ...cells.map((flat) => names.map((name) => flat.get(name) ?? null))], {
    escape_formulas: true, record_delimiter: '\r\n',
  })
}

function plainFields(row: z.ZodType | undefined): string[] {
  const shape = (row as { shape?: Record<string, z.ZodType> } | undefined)?.shape ?? {}
  return Object.entries(shape).filter(([, schema]) => !isNested(schema)).map(([name]) => name)
}

function isNested(schema: z.ZodType): boolean {
  const { type, innerType } = schema.def as { type: string; innerType?: z.ZodType }
  return type === 'object' || type === 'record' || (innerType !== undefined && isNested(innerType))
}

function flatten(value: unknown, name: string, cells: Cells): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, below] of Object.entries(value)) flatten(below, name ? `${name}.${key}` : key, cells)
  } else {
    cells.set(name || 'value', Array.isArray(value) ? JSON.stringify(value) : typeof value === 'boolean' ? String(value) : value)
  }
}
