import {
  bucketOf, SEPARATOR, SHARD_SUM, type Delta, type Interval,
} from '@tallyfleet/domain'
import type { RollupDocument, RollupStore } from '@tallyfleet/ports'

/** One number of a rollup document, and what it should be. `entityId` null: the sum over the shard's entities. */
export type RollupCell = {
  tenant: string; domain: string; entityType: string; entityId: string | null
  interval: Interval; bucket: string; action: string; measure: string
  shown: number; right: number
  /** False where the days themselves may be wrong: then nothing says which number is right. */
  repairable: boolean
}

export type RollupRepair = {
  /** How many numbers were compared. */
  compared: number
  wrong: RollupCell[]
  /** What the repairable ones lack, each naming its document: see `groupRepair`. */
  deltas: Delta[]
}

const DERIVED = ['total', 'year', 'month', 'week'] as const
type Name = { tenant: string; domain: string; entityType: string; entityId: string | null; action: string; measure: string }
/** Values of one name by interval and bucket. */
type Series = { name: Name; values: Map<string, number> }

/**
 * Every number of a shard against its source: an entity's totals, years, months and weeks against its days, and the
 * shard's sums against its entities. Right only while no batch of the shard is being applied, except when it is the
 * open repair. Buckets of which retention has taken a day are left out.
 *
 * Days are trusted where they add up to at least one of the four sums over them (of all totals, years, months or
 * weeks). Where they meet none, the days are what was damaged, and copying them upwards would destroy the rest.
 */
export async function planRollupRepair(shard: number, { rollups }: { rollups: RollupStore }): Promise<RollupRepair> {
  const { entities, sums, retired } = await readShard(shard, rollups)
  const repair: RollupRepair = { compared: 0, wrong: [], deltas: [] }
  const expected = new Map<string, Series>()
  const suspects = new Set<string>()
  const compare = (name: Name, cell: string, right: number, shown: number, repairable: boolean) => {
    repair.compared++
    if (right === shown) return
    const [interval, bucket] = cell.split(SEPARATOR) as [Interval, string]
    repair.wrong.push({ ...name, interval, bucket, shown, right, repairable })
    if (repairable) repair.deltas.push({ ...name, entityId: name.entityId ?? SHARD_SUM, bucket, value: right - shown })
  }

  for (const { name, values } of entities.values()) {
    const gone = retired.get(keyOf({ ...name, action: '', measure: '' }))
    const right = derivedOf(values)
    const trusted = areTrusted(values, right, gone)
    const sum = seriesOf(expected, { ...name, entityId: null })
    if (!trusted) suspects.add(keyOf(sum.name))
    for (const [cell, value] of values) if (isSource(cell)) bump(sum.values, cell, value)
    for (const cell of new Set([...right.keys(), ...[...values.keys()].filter((cell) => !isSource(cell))])) {
      const shown = values.get(cell) ?? 0
      const known = gone?.has(cell) ? shown : right.get(cell) ?? 0
      bump(sum.values, cell, known)
      if (!gone?.has(cell)) compare(name, cell, known, shown, trusted)
    }
  }
  for (const key of new Set([...expected.keys(), ...sums.keys()])) {
    const { name } = (sums.get(key) ?? expected.get(key))!
    const shown = sums.get(key)?.values, right = expected.get(key)?.values
    const gone = retired.get(keyOf({ ...name, action: '', measure: '' }))
    for (const cell of new Set([...shown?.keys() ?? [], ...right?.keys() ?? []])) {
      if (gone?.has(cell)) continue
      compare(name, cell, right?.get(cell) ?? 0, shown?.get(cell) ?? 0, !suspects.has(key))
    }
  }
  return repair
}

/** A shard's numbers by name, and which cells retention has made unknowable. */
async function readShard(shard: number, rollups: RollupStore) {
  const entities = new Map<string, Series>()
  const sums = new Map<string, Series>()
  const retired = new Map<string, Set<string>>()
  for await (const document of rollups.scan(shard)) {
    const { tenant, domain, entityType, entityId, interval, bucket } = document
    const whose = { tenant, domain, entityType, entityId }
    if (document.retired) noteRetired(retired, document)
    for (const [action, measures] of Object.entries(document.counts)) {
      for (const [measure, value] of Object.entries(measures)) {
        const series = seriesOf(document.of === 'shard' ? sums : entities, { ...whose, action, measure })
        series.values.set(cellOf(interval, bucket), value)
      }
    }
  }
  return { entities, sums, retired }
}

/** A retired bucket, and every longer one of it: of the entity itself, and of the shard's sums the bucket alone. */
function noteRetired(retired: Map<string, Set<string>>, { tenant, domain, entityType, entityId, interval, bucket }: RollupDocument): void {
  const note = (whose: string | null, cell: string) => {
    const key = keyOf({ tenant, domain, entityType, entityId: whose, action: '', measure: '' })
    retired.set(key, (retired.get(key) ?? new Set()).add(cell))
  }
  note(null, cellOf(interval, bucket))
  if (entityId === null || interval !== 'day') return
  for (const derived of DERIVED) note(entityId, cellOf(derived, bucketOf(derived, bucket)))
}

/** Σ days of every longer bucket. */
function derivedOf(values: ReadonlyMap<string, number>): Map<string, number> {
  const right = new Map<string, number>()
  for (const [cell, value] of values) {
    const [interval, bucket] = cell.split(SEPARATOR) as [Interval, string]
    if (interval !== 'day') continue
    for (const derived of DERIVED) bump(right, cellOf(derived, bucketOf(derived, bucket)), value)
  }
  return right
}

function areTrusted(
  values: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>, gone: ReadonlySet<string> | undefined,
): boolean {
  const sumOf = (of: ReadonlyMap<string, number>, interval: Interval) =>
    [...of].reduce((sum, [cell, value]) => (cell.startsWith(interval + SEPARATOR) ? sum + value : sum), 0)
  const whole = DERIVED.filter((interval) => ![...gone ?? []].some((cell) => cell.startsWith(interval + SEPARATOR)))
  return whole.length === 0 || whole.some((interval) => sumOf(values, interval) === sumOf(right, interval))
}

/** Days and hours are what other numbers are derived from. */
function isSource(cell: string): boolean {
  return !DERIVED.some((interval) => cell.startsWith(interval + SEPARATOR))
}

function cellOf(interval: Interval, bucket: string): string {
  return interval + SEPARATOR + bucket
}

function keyOf({ tenant, domain, entityType, entityId, action, measure }: Name): string {
  return [tenant, domain, entityType, entityId ?? SHARD_SUM, action, measure].join(SEPARATOR)
}

function seriesOf(all: Map<string, Series>, name: Name): Series {
  const key = keyOf(name)
  let series = all.get(key)
  if (!series) all.set(key, (series = { name, values: new Map() }))
  return series
}

function bump(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value)
}
