import type { Clock, Journal, TickOf } from '@tallyfleet/ports'
import { tickIdOf, type TickRecord } from './tick-records.ts'

type Needs = { journal: Journal; clock: Clock }
type Tick = Pick<TickOf, 'schedule' | 'nominalAt'>

const TRIES = 5

/** Notes in a tick's record that a try of its job started. */
export async function noteTickStarted(tick: Tick, { journal, clock }: Needs): Promise<void> {
  await change(tick, journal, (record) => ({
    ...record, state: 'running', runs: record.runs + 1, startedAt: record.startedAt ?? clock.now().toISOString(),
  }))
}

/** Notes how the job of a tick ended for good: with an error's code, or well. */
export async function noteTickEnded(tick: Tick, error: string | undefined, { journal, clock }: Needs): Promise<void> {
  await change(tick, journal, (record) => ({
    ...record, state: error === undefined ? 'done' : 'failed', endedAt: clock.now().toISOString(),
    ...(error !== undefined && { error }),
  }))
}

/** A tick whose record is gone, or that others keep changing, stays as it is: the record is for people. */
async function change(tick: Tick, journal: Journal, next: (record: TickRecord) => TickRecord): Promise<void> {
  const id = tickIdOf(tick.schedule, tick.nominalAt)
  for (let tries = 0; tries < TRIES; tries++) {
    const record = await journal.find('tick', id) as TickRecord | undefined
    if (!record || await journal.swap('tick', id, record, next(record))) return
  }
}
