import { createHash } from 'node:crypto'
import { dimensionsOf, type CatalogMapping } from '@tallyfleet/domain'
import type { CatalogRow, SegmentDocument } from '@tallyfleet/ports'

/** The dimension that lists the quality fields which a row lacks. */
export const MISSING_DIMENSION = 'quality.missing'
/** The dimension that rows of one title and date share. */
export const TWIN_DIMENSION = 'quality.twin'

/** Column types that segments bound, whether or not the pack calls them dimensions. */
const BOUNDED = new Set(['integer', 'number', 'date', 'datetime'])

/** Quality fields whose column is null, empty or an empty list, by the order of the pack. */
export function missingFieldsOf(columns: Readonly<Record<string, unknown>>, { quality }: CatalogMapping): string[] {
  return Object.entries(quality?.fields ?? {}).filter(([, column]) => isEmpty(columns[column])).map(([field]) => field)
}

/**
 * What segments can be built on: the dimensions that the pack declares, the row's numbers and dates, year and decade of
 * its first date, and what the quality rules find.
 */
export function dimensionsOfRow({ title, columns }: CatalogRow, mapping: CatalogMapping): SegmentDocument['dimensions'] {
  const dimensions: SegmentDocument['dimensions'] = {}
  for (const { name, valuesOf } of dimensionsOf(mapping)) {
    if (name === 'year' || name === 'decade') dimensions[name] = valuesOf(columns)[0] ?? null
  }
  for (const [name, { dimension, type }] of Object.entries(mapping.columns)) {
    if (dimension || BOUNDED.has(type)) dimensions[name] = (columns[name] ?? null) as SegmentDocument['dimensions'][string]
  }
  if (mapping.quality) {
    dimensions[MISSING_DIMENSION] = missingFieldsOf(columns, mapping)
    if (mapping.quality.twinDate) dimensions[TWIN_DIMENSION] = twinOf(title, columns[mapping.quality.twinDate])
  }
  return dimensions
}

/**
 * What two rows share when they are one twice: the title without case, punctuation and forms of the same character, and
 * the day. A row without a title has no twin; two of one title without a date are twins.
 */
function twinOf(title: string | null, date: unknown): string | null {
  const plain = (title ?? '').normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ').trim()
  if (plain === '') return null
  const day = typeof date === 'string' ? date.slice(0, 10) : ''
  return createHash('sha256').update(`${day} ${plain}`).digest('base64url').slice(0, 22)
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
    || (Array.isArray(value) && value.length === 0)
}
