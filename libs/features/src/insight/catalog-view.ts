import {
  AppError, dimensionsOf, filterError, findDimension, matchesFilter, type CatalogMapping, type Dimension, type Filter, type Packs,
} from '@tallyfleet/domain'
import type { CatalogColumns, CatalogStore, EntityOf } from '@tallyfleet/ports'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'

/** Catalog rows that a grouping or a filter may look at. */
export const MAX_ROWS = 100_000

/** The catalog rows of an entity type, as far as a grouping and its filters need them. */
export type CatalogView = {
  /** Rows that the filters let through. */
  rows: readonly CatalogColumns[]
  /** Whether an entity passes; one without a row holds nothing in every field. */
  passes(entityId: string): boolean
}

type Needs = { catalog: CatalogStore; packs: Packs }

/**
 * Reads what filters and groupings need of a catalog, one page after another. Rejects with `PARAMETER_INVALID` for a
 * field that is no dimension, and when the catalog holds more than 100,000 rows.
 * @param seg lets its members through alone
 */
export async function readCatalogView(
  of: EntityOf, dimensions: readonly Dimension[], filters: readonly Filter[], needs: Needs, seg?: SegmentMembers,
): Promise<CatalogView> {
  const { rows, passes } = await readFiltered(of, dimensions, filters, needs)
  if (!seg) return { rows, passes }
  return { rows: rows.filter(({ id }) => seg.members.has(id)), passes: (id) => seg.members.has(id) && passes(id) }
}

/** Which entities filters and a segment let through; undefined when nothing was asked. Rejects as {@link readCatalogView}. */
export async function readPasses(
  of: EntityOf, { f = [], seg }: { f?: readonly Filter[] | undefined; seg?: SegmentMembers | undefined }, needs: Needs,
): Promise<CatalogView['passes'] | undefined> {
  return f.length === 0 && !seg ? undefined : (await readCatalogView(of, [], f, needs, seg)).passes
}

async function readFiltered(
  of: EntityOf, dimensions: readonly Dimension[], filters: readonly Filter[], needs: Needs,
): Promise<CatalogView> {
  const mapping = mappingOf(of, needs.packs)
  const conditions = filters.map((filter) => ({ filter, dimension: getFilterDimension(mapping, filter.field) }))
  if (!mapping || (dimensions.length === 0 && conditions.length === 0)) return { rows: [], passes: () => true }

  const columns = [...new Set([...dimensions, ...conditions.map(({ dimension }) => dimension)].map(({ column }) => column))]
  const all = await needs.catalog.listColumns(of, columns, MAX_ROWS + 1)
  if (all.length > MAX_ROWS) {
    throw filterError(`cannot be applied: the catalog of ${of.entityType} holds more than ${MAX_ROWS} rows`)
  }
  const passesRow = (row: CatalogColumns | undefined) => conditions.every(({ filter, dimension }) =>
    matchesFilter(filter, row ? valuesOf(dimension, row) : []))
  const rows = all.filter(passesRow)
  if (conditions.length === 0) return { rows, passes: () => true }
  const known = new Set(all.map(({ id }) => id))
  const passing = new Set(rows.map(({ id }) => id))
  const others = passesRow(undefined)
  return { rows, passes: (id) => (known.has(id) ? passing.has(id) : others) }
}

/** What a row holds of a dimension. */
export function valuesOf(dimension: Dimension, { title, columns }: CatalogColumns): string[] {
  return dimension.name === 'title' ? (title === null ? [] : [title]) : dimension.valuesOf(columns)
}

/** The dimension of a parameter. Rejects with `PARAMETER_INVALID`. */
export function getDimension(of: EntityOf, name: string, pointer: string, packs: Packs): Dimension {
  const mapping = mappingOf(of, packs)
  const found = mapping && findDimension(mapping, name)
  if (found) return found
  const detail = mapping
    ? `${of.entityType} has no dimension ${JSON.stringify(name)}; there are ${namesOf(mapping)}`
    : `${of.entityType} has no catalog, and so no dimensions`
  throw new AppError('PARAMETER_INVALID', `${pointer.slice(1)}: ${detail}`, {
    details: { errors: [{ pointer, code: 'PARAMETER_INVALID', detail }] },
  })
}

export function mappingOf({ domain, entityType }: EntityOf, packs: Packs): CatalogMapping | undefined {
  return packs.get(domain)?.entityTypes[entityType]?.catalog
}

function getFilterDimension(mapping: CatalogMapping | undefined, field: string): Dimension {
  const found = mapping && findDimension(mapping, field)
  if (!found) {
    throw filterError(mapping ? `names no dimension ${JSON.stringify(field)}; there are ${namesOf(mapping)}`
      : 'needs a catalog, which this entity type has not')
  }
  return found
}

function namesOf(mapping: CatalogMapping): string {
  return dimensionsOf(mapping).map(({ name }) => name).join(', ')
}
