import type { RepairedTicks, SettledTicks } from '@tallyfleet/features'
import type { Metrics } from '@tallyfleet/metrics'
import type { JobDefinition } from '@tallyfleet/ports'

const SETTLED = ['enqueued', 'skipped', 'buffered', 'overlapped'] as const
const REPAIRED = ['left', 'lost', 'givenUp', 'noted'] as const

/** Counts what this scheduler did with ticks. Every series starts at 0, so that an alert sees the first of its kind. */
export function tickMetricsIn(metrics: Metrics, jobs: readonly JobDefinition<any>[]) {
  const ticks = metrics.counter(
    'fleet_ticks_total', 'Ticks that were settled: enqueued, skipped because they were missed, buffered behind an earlier '
      + 'one, or left out because of it', ['schedule', 'outcome'],
  )
  const missed = metrics.counter(
    'fleet_ticks_missed_total', 'Ticks that no scheduler was there for in time, whether made up for or skipped', ['schedule'],
  )
  const repairs = metrics.counter(
    'fleet_ticks_repaired_total', 'Claims that were left behind, jobs that were lost from their queue and put back, given '
      + 'up after that, and ends that were noted late', ['schedule', 'what'],
  )
  for (const { name: schedule, schedule: present } of jobs) {
    if (!present) continue
    missed.inc({ schedule }, 0)
    for (const outcome of SETTLED) ticks.inc({ schedule, outcome }, 0)
    for (const what of REPAIRED) repairs.inc({ schedule, what }, 0)
  }
  return {
    settled(all: ReadonlyMap<string, SettledTicks>): void {
      for (const [schedule, settled] of all) {
        for (const outcome of SETTLED) ticks.inc({ schedule, outcome }, settled[outcome])
        missed.inc({ schedule }, settled.skipped + settled.backfilled)
      }
    },
    repaired(all: ReadonlyMap<string, RepairedTicks>): void {
      for (const [schedule, repaired] of all) for (const what of REPAIRED) repairs.inc({ schedule, what }, repaired[what])
    },
  }
}
