/** How counts are spread over entities. All null for no entity. */
export type Spread = {
  entities: number; sum: number; min: number | null; p50: number | null; p90: number | null; p99: number | null
  max: number | null; mean: number | null
}

/**
 * Least, greatest, mean and percentiles of counts. Percentiles are by nearest rank: the least count that p % of the
 * entities do not pass, so always a count that an entity has (Hyndman and Fan 1996, definition 1).
 */
export function spreadOf(counts: readonly number[]): Spread {
  const sorted = Float64Array.from(counts).sort()
  const entities = sorted.length
  const sum = sorted.reduce((total, count) => total + count, 0)
  // p * n / 100 with a whole p * n: the rank is exact where p % of n is a whole number.
  const percentile = (p: number) => sorted[Math.ceil((p * entities) / 100) - 1] ?? null
  return {
    entities, sum, min: sorted[0] ?? null, p50: percentile(50), p90: percentile(90), p99: percentile(99),
    max: sorted.at(-1) ?? null, mean: entities === 0 ? null : sum / entities,
  }
}

/** Bins [1, 2), [2, 5), [5, 10), [10, 20), … up to the greatest count, as edges: each power of ten in steps 1, 2, 5. */
export function binEdges(greatest: number): number[] {
  const edges = [1]
  for (let power = 1; edges.at(-1)! <= greatest; power *= 10) edges.push(2 * power, 5 * power, 10 * power)
  while (edges.length > 2 && edges.at(-2)! > greatest) edges.pop()
  return edges
}
