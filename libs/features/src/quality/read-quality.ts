import { addDays, dayOf, type SegmentValue } from '@tallyfleet/domain'
import type { Clock, RecordStore, Tenant } from '@tallyfleet/ports'
import { MISSING_DIMENSION } from '../segments/row-dimensions.ts'
import { completenessOf, countMissing, type Completeness } from './count-missing.ts'
import type { OrphanNeeds } from './find-orphans.ts'
import { getQualitySubject, listQualitySubjects } from './quality-subject.ts'
import { snapshotsOf, takeSnapshot, type QualitySnapshot } from './score-catalog.ts'
import { countWontFix } from './wont-fix.ts'

/** Of the categories, the largest. */
const CATEGORIES = 100
/** Without a snapshot, a catalog of as many rows is counted on the spot. */
const COUNTED_AT_ONCE = 20_000

export type CatalogQuality = Completeness & {
  entityType: string
  entityTypes: { entityType: string; title: string }[]
  fields: { field: string; title: string; missing: number; score: number }[]
  category: string | undefined
  categories: ({ value: SegmentValue } & Completeness)[]
  /** The last count of what is found by looking at two stores; undefined before the first. */
  counted: QualitySnapshot | undefined
  wontFix: number
  trend: (QualitySnapshot & { day: string })[]
}

/**
 * How complete a catalog is, now, by field and by category, and how that went. Scores are shares of filled fields. The
 * rows are those that the segments know: up to a minute behind the catalog.
 * Rejects with `DOMAIN_UNKNOWN`, `ENTITY_TYPE_UNKNOWN`.
 */
export async function readQuality(
  tenant: Tenant, asked: { domain: string; entityType?: string | undefined; days: number },
  needs: OrphanNeeds & { records: RecordStore; clock: Clock },
): Promise<CatalogQuality> {
  const { domain, days } = asked
  const subject = getQualitySubject(domain, asked.entityType, needs.packs)
  const { entityType, mapping, rules } = subject
  const of = { tenant: tenant.id, domain, entityType }
  const fields = Object.keys(rules.fields)
  const today = dayOf(needs.clock.now(), tenant.zone)
  const [whole, categories, snapshots, wontFix] = await Promise.all([
    countMissing(of, fields, [], needs.segments),
    rules.category === undefined ? [] : readCategories(of, rules.category, fields, needs),
    needs.records.list(snapshotsOf(tenant.id, domain, entityType), { after: addDays(today, -days), limit: 1_000 }),
    countWontFix(of, fields, needs.records),
  ])
  const trend = snapshots.map(({ id: day, body }) => ({ ...body as QualitySnapshot, day }))
  const isFirst = trend.length === 0 && whole.rows > 0 && whole.rows <= COUNTED_AT_ONCE
  return {
    ...whole, entityType,
    entityTypes: listQualitySubjects(domain, needs.packs).map(({ entityType, title }) => ({ entityType, title })),
    fields: Object.entries(rules.fields).map(([field, column]) => ({
      field, title: mapping.columns[column]!.title ?? column, missing: whole.missing[field]!,
      score: completenessOf(whole.rows, { [field]: whole.missing[field]! }).score,
    })),
    category: rules.category, categories, wontFix, trend,
    counted: trend.at(-1) ?? (isFirst ? await takeSnapshot(of, subject, needs) : undefined),
  }
}

async function readCategories(
  of: { tenant: string; domain: string; entityType: string }, category: string, fields: readonly string[],
  { segments }: OrphanNeeds,
): Promise<CatalogQuality['categories']> {
  const all = await segments.listBuckets(of, category, [], CATEGORIES)
  const values = all.map(({ value }) => value)
  const lacking = await Promise.all(fields.map(async (field) => new Map(
    (await segments.listBuckets(of, category, [
      { dimension: MISSING_DIMENSION, in: [field] }, { dimension: category, in: values },
    ], 100_000)).map(({ value, documents }) => [value, documents]))))
  return all.map(({ value, documents }) => ({
    value, ...completenessOf(documents, Object.fromEntries(fields.map((field, at) => [field, lacking[at]!.get(value) ?? 0]))),
  }))
}
