import type { CatalogMapping } from '@tallyfleet/domain'
import type { CatalogRow } from '@tallyfleet/ports'
import type { Sums } from './read-sums.ts'

export type SuggestionRule = { id: string; text: string; threshold: Record<string, number> }

/** Something to do, with the rule that says so and the numbers that it met. `score`: the events that it is about. */
export type Suggested = {
  id: string; kind: 'fix' | 'promote'; rule: SuggestionRule; entityId: string; numbers: Record<string, number>; score: number
}

const RISING = { least: 20, factor: 2 }
const CONVERTING = { least: 20, factor: 1.5 }
const FADED = { least: 20, factor: 0.25 }
/** 95 %, two-sided. */
const Z = 1.96

/**
 * Popular entities whose catalog row lacks a value, or that have no row at all.
 * @param popular the most counted entities with their ranks, best first
 */
export function suggestFixes(
  popular: readonly (readonly [string, number])[], counts: Sums, rows: readonly CatalogRow[], mapping: CatalogMapping,
  action: string,
): Suggested[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const threshold = { rank: popular.length }
  const fix = (name: string, text: string, entityId: string, rank: number): Suggested => ({
    id: `fix.${name}:${entityId}`, kind: 'fix', rule: { id: `fix.${name}`, text, threshold }, entityId,
    numbers: { count: counts.get(entityId)!, rank }, score: counts.get(entityId)!,
  })
  return popular.flatMap(([entityId, rank]) => {
    const row = byId.get(entityId)
    if (!row) return [fix('no_row', `Among the most counted by ${action}, and not in the catalog`, entityId, rank)]
    return Object.entries(mapping.columns).filter(([name, { type }]) => type !== 'datetime' && isBlank(row.columns[name])).map(([name, { title = name }]) =>
      fix(`missing.${name}`, `Among the most counted by ${action}, and its catalog row lacks: ${title}`, entityId, rank))
  })
}

/**
 * `rising`: at least twice the count of as many days before, and at least 20. `converting`: its rate of the second
 * action is at least 1.5 times the rate over all entities, even at the lower end of its 95 % interval. `faded`: at
 * most a quarter of the count of the days before, which was at least 20: worth another push.
 */
export function suggestPromotions(
  counts: Sums, previous: Sums, second: { action: string; counts: Sums } | undefined, action: string,
): Suggested[] {
  const suggested: Suggested[] = []
  const promote = (name: string, text: string, threshold: Record<string, number>, entityId: string, numbers: Record<string, number>, score: number) =>
    suggested.push({ id: `promote.${name}:${entityId}`, kind: 'promote', rule: { id: `promote.${name}`, text, threshold }, entityId, numbers, score })

  for (const [entityId, count] of counts) {
    const before = previous.get(entityId) ?? 0
    if (count >= RISING.least && count >= RISING.factor * before) {
      promote('rising', `At least ${RISING.factor} times the ${action} count of as many days before, and at least ${RISING.least}`,
        RISING, entityId, { count, previous: before }, count - before)
    }
  }
  for (const [entityId, before] of previous) {
    const count = counts.get(entityId) ?? 0
    if (before >= FADED.least && count <= FADED.factor * before) {
      promote('faded', `At most a quarter of the ${action} count of as many days before, which was at least ${FADED.least}`,
        FADED, entityId, { count, previous: before }, before - count)
    }
  }
  if (!second) return suggested
  const sum = (sums: Sums) => [...sums.values()].reduce((total, count) => total + count, 0)
  const overall = sum(counts) === 0 ? 0 : sum(second.counts) / sum(counts)
  for (const [entityId, done] of second.counts) {
    const count = counts.get(entityId) ?? 0
    const low = wilsonLow(done, count)
    if (overall > 0 && count >= CONVERTING.least && low >= CONVERTING.factor * overall) {
      promote('converting', `Its ${second.action} for each ${action} is at least ${CONVERTING.factor} times that of all, surely (95 %)`,
        CONVERTING, entityId, { count, [second.action]: done, rate: done / count, rateLow: low, overallRate: overall }, done)
    }
  }
  return suggested
}

/**
 * The lower end of the Wilson score interval of a rate (Wilson 1927): a few lucky tries are not a high rate. A rate
 * above 1 (more of the second action than of the first) counts as 1.
 */
export function wilsonLow(hits: number, tries: number): number {
  if (tries === 0) return 0
  const rate = Math.min(1, hits / tries)
  const centre = rate + (Z * Z) / (2 * tries)
  const margin = Z * Math.sqrt((rate * (1 - rate) + (Z * Z) / (4 * tries)) / tries)
  return (centre - margin) / (1 + (Z * Z) / tries)
}

function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}
