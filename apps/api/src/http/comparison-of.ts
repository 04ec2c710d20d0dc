import type { Comparison } from '@tallyfleet/features'

/** A comparison as answers tell it. */
export function comparisonOf(comparison: Comparison | undefined) {
  return comparison ? { ...comparison.range, kind: comparison.kind, matchWeekday: comparison.matchWeekday } : null
}
