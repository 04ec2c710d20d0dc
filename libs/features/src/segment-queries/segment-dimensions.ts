import { AppError, type CatalogMapping, type Packs } from '@tallyfleet/domain'
import { checkSubject } from '../explore/subject.ts'
import { MISSING_DIMENSION } from '../segments/row-dimensions.ts'

/** Something that a segment can be built on. */
export type SegmentDimension = {
  /** `actors.age` is the age of what the column `actors` refers to. */
  dimension: string
  title: string
  type: 'text' | 'number' | 'boolean' | 'date'
  list: boolean
  operators: ('in' | 'range' | 'exists')[]
  /** Entities can be counted by its values. */
  facet: boolean
}

const TYPES = {
  string: 'text', text: 'text', list: 'text', json: 'text', integer: 'number', number: 'number', boolean: 'boolean',
  date: 'date', datetime: 'date',
} as const

/** The age in years that a date of birth tells: asked for as `age`, and looked up by the date. */
export const AGE = 'age'

/** The mapping of a type. Throws `DOMAIN_UNKNOWN`, `ENTITY_TYPE_UNKNOWN`, also for a type without a catalog. */
export function getMapping({ domain, entityType }: { domain: string; entityType: string }, packs: Packs): CatalogMapping {
  checkSubject({ domain, entityType }, packs)
  const mapping = packs.get(domain)!.entityTypes[entityType]!.catalog
  if (mapping) return mapping
  const detail = `${entityType} has no catalog, which segments are built on`
  throw new AppError('ENTITY_TYPE_UNKNOWN', detail, {
    details: { errors: [{ pointer: '/entity_type', code: 'ENTITY_TYPE_UNKNOWN', detail }] },
  })
}

/** The dimensions of a type, and of the types that its columns refer to. Throws as {@link getMapping}. */
export function listSegmentDimensions(of: { domain: string; entityType: string }, packs: Packs): SegmentDimension[] {
  const mapping = getMapping(of, packs)
  const own = ownDimensions(mapping)
  const referred = Object.entries(mapping.columns).flatMap(([column, { references, title = column }]) => {
    const target = references === undefined ? undefined : packs.get(of.domain)!.entityTypes[references]?.catalog
    return target ? ownDimensions(target).map((one): SegmentDimension => ({
      ...one, dimension: `${column}.${one.dimension}`, title: `${title}: ${one.title}`, list: true, facet: false,
    })) : []
  })
  return [...own, ...referred]
}

function ownDimensions(mapping: CatalogMapping): SegmentDimension[] {
  const { columns, quality } = mapping
  const found: SegmentDimension[] = []
  const dates = Object.entries(columns).filter(([, { type }]) => TYPES[type] === 'date')
  for (const [name, { type: columnType, dimension, title = name }] of Object.entries(columns)) {
    const type = TYPES[columnType]
    if (!dimension && type !== 'number' && type !== 'date') continue
    found.push({
      dimension: name, title, type, list: columnType === 'list', facet: type !== 'date',
      operators: type === 'number' || type === 'date' ? ['in', 'range', 'exists'] : ['in', 'exists'],
    })
  }
  const [dated] = dates
  if (dated) {
    const [name, { title = name }] = dated
    for (const part of ['year', 'decade']) {
      if (Object.hasOwn(columns, part)) continue
      found.push({
        dimension: part, title: `${title}: ${part}`, type: 'text', list: false, operators: ['in', 'exists'], facet: true,
      })
    }
  }
  if (birthColumnOf(mapping) && !Object.hasOwn(columns, AGE)) {
    found.push({
      dimension: AGE, title: 'Age in years', type: 'number', list: false, operators: ['in', 'range', 'exists'], facet: false,
    })
  }
  if (quality) {
    found.push({
      dimension: MISSING_DIMENSION, title: 'Missing fields', type: 'text', list: true, operators: ['in', 'exists'], facet: true,
    })
  }
  return found
}

/** The column that holds the date of birth. */
export function birthColumnOf({ columns }: CatalogMapping): string | undefined {
  return Object.entries(columns).find(([, { birth }]) => birth)?.[0]
}
