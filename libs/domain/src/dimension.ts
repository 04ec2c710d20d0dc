import type { CatalogMapping } from './pack.ts'

/** Something that entities are grouped and filtered by: a column of their catalog row, or what is derived from one. */
export type Dimension = {
  /** As it stands in an address: `genres`, `source`, `decade`. */
  name: string
  title: string
  /** The catalog column that it is read from. */
  column: string
  /** What a row holds, as text; nothing for null. A list holds each distinct item once. */
  valuesOf(columns: Readonly<Record<string, unknown>>): string[]
}

/**
 * The dimensions of a catalog: the title, the columns that the pack declares as dimensions, and `year` and `decade`
 * (`1990s`) of the first date column.
 */
export function dimensionsOf(mapping: CatalogMapping): Dimension[] {
  const { titleColumn, columns } = mapping
  const plain = (name: string, column: string, title: string): Dimension =>
    ({ name, column, title, valuesOf: (row) => textsOf(row[column]) })
  const dimensions = Object.entries(columns).filter(([, { dimension }]) => dimension)
    .map(([name, { title }]) => plain(name, name, title ?? name))
  const dated = Object.entries(columns).find(([, { type }]) => type === 'date' || type === 'datetime')
  if (dated) {
    const [column, { title = column }] = dated
    const years = (row: Readonly<Record<string, unknown>>) => textsOf(row[column]).map((date) => date.slice(0, 4))
    dimensions.push(
      { name: 'year', title: `${title}: year`, column, valuesOf: years },
      { name: 'decade', title: `${title}: decade`, column, valuesOf: (row) => years(row).map((year) => `${year.slice(0, 3)}0s`) },
    )
  }
  return columns[titleColumn]?.dimension ? dimensions : [plain('title', titleColumn, 'Title'), ...dimensions]
}

/** The dimension of this name; a list may be named by one of its items: `genre` for `genres`. */
export function findDimension(mapping: CatalogMapping, name: string): Dimension | undefined {
  const dimensions = dimensionsOf(mapping)
  return dimensions.find((one) => one.name === name) ?? dimensions.find((one) => one.name === `${name}s`)
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return [...new Set(value.map(String))]
  return value === null || value === undefined || value === '' ? [] : [String(value)]
}
