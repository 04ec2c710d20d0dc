import { isDeepStrictEqual } from 'node:util'
import type { JobDefinition, OverlapPolicy, Schedule } from '@tallyfleet/ports'
import { dueTicks, type CronTicks, type DueTicks } from './due-ticks.ts'
import { enqueueTick, type EnqueueTickNeeds } from './enqueue-tick.ts'
import { findOpenTicks } from './find-open-ticks.ts'
import { spreadOf } from './spread-of.ts'
import { hasEnded, tickIdOf, type ScheduleRecord, type TickRecord } from './tick-records.ts'

export type TickNeeds = EnqueueTickNeeds & { cronTicks: CronTicks }

/**
 * What one round of one scheduler did with a schedule: ticks that it enqueued, how many of those late, ticks that were
 * missed and skipped, ticks that wait for an earlier one, and ticks left out because of one.
 */
export type SettledTicks = { enqueued: number; backfilled: number; skipped: number; buffered: number; overlapped: number }

type Scheduled = JobDefinition<any>

/** A tick that is enqueued within this long is on time; an older one was missed, and its schedule's policy decides. */
const ON_TIME_MS = 10_000
const MIN_RECORDS = 100
const PAGE = 1_000

/**
 * Settles every tick that is due: each gets one record in the journal, written by exactly one of any number of
 * schedulers, and is enqueued, buffered or skipped. A changed definition takes effect after what was due under the old
 * one is settled. Jobs without a schedule are left out.
 * @returns by schedule, those of which a tick was settled here
 */
export async function settleTicks(
  jobs: readonly Scheduled[], needs: TickNeeds,
): Promise<ReadonlyMap<string, SettledTicks>> {
  const records = await needs.journal.list('schedule', { limit: PAGE })
  const stored = new Map(records.map(({ id, body }) => [id, body as ScheduleRecord]))
  const all = new Map<string, SettledTicks>()
  for (const job of jobs) {
    if (!job.schedule) continue
    const settled: SettledTicks = { enqueued: 0, backfilled: 0, skipped: 0, buffered: 0, overlapped: 0 }
    await settleSchedule(job, job.schedule, stored.get(job.name), needs, settled)
    if (Object.values(settled).some((count) => count > 0)) all.set(job.name, settled)
  }
  return all
}

async function settleSchedule(
  job: Scheduled, schedule: Schedule, stored: ScheduleRecord | undefined, needs: TickNeeds, settled: SettledTicks,
): Promise<void> {
  const { journal, clock, cronTicks } = needs
  if (!stored) {
    const first: ScheduleRecord = { definition: schedule, lastTickAt: nowOf(job.name, schedule, clock.now()).toISOString() }
    await journal.claim('schedule', job.name, first)
    return
  }
  const { definition } = stored
  const now = nowOf(job.name, definition, clock.now())
  const lastTickAt = new Date(stored.lastTickAt)
  const { missed, overlap = 'allow' } = definition
  const limit = Math.max(MIN_RECORDS, missed.policy === 'all' ? missed.max + 1 : 1)
  const changed = !isDeepStrictEqual(definition, schedule)
  const { ticks, earlier } = await settleEarlier(job, lastTickAt, (after) => dueTicks(definition, after, now, limit, cronTicks), needs)
  const settledTo = changed ? later(now, lastTickAt) : ticks.at(-1)
  if (!settledTo) return
  settled.skipped += earlier
  const late = ticks.filter((at) => now.getTime() - at.getTime() > ON_TIME_MS || at !== ticks.at(-1))
  const chosen = new Set(chooseMissed(late, ticks, missed))
  const open = await findOpenTicks(job.name, stored, journal)
  for (const at of ticks) {
    const isLate = late.includes(at)
    if (isLate && !chosen.has(at)) {
      if (await claim({ ...recordOf(job, at, 'skipped', true, needs), reason: 'missed' }, needs)) settled.skipped += 1
      continue
    }
    const record = recordOf(job, at, stateBeside(open, overlap), isLate, needs)
    const mine = await claim(record, needs)
    // What another scheduler claimed may be open as well.
    const known = mine || overlap === 'allow' ? record : await journal.find('tick', tickIdOf(job.name, at)) as TickRecord
    if (overlap !== 'allow' && known && !hasEnded(known)) open.push(known)
    if (!mine) continue
    if (record.state === 'skipped') settled.overlapped += 1
    else if (record.state === 'buffered') settled.buffered += 1
    else {
      settled.enqueued += 1
      if (isLate) settled.backfilled += 1
      await enqueueTick(job, at, isLate, needs)
    }
  }
  // Last, so that a scheduler that dies on the way leaves the rest to be settled again.
  const next: ScheduleRecord = {
    definition: schedule, lastTickAt: settledTo.toISOString(),
    ...(open.length > 0 && { open: open.map(({ nominalAt }) => nominalAt) }),
  }
  await journal.swap('schedule', job.name, stored, next)
}

/**
 * Skips the ticks that are too many for a record each, in one record under the id of the first of them, so that each has
 * one fate: what another scheduler has claimed since, and did not live to finish, is left out.
 * @returns the other due ticks, and how many were skipped here
 */
async function settleEarlier(
  job: Scheduled, lastTickAt: Date, dueAfter: (after: Date) => DueTicks, needs: TickNeeds,
): Promise<{ ticks: Date[]; earlier: number }> {
  for (let after = lastTickAt; ;) {
    const { ticks, earlier } = dueAfter(after)
    if (!earlier) return { ticks, earlier: 0 }
    const { count, first, last } = earlier
    const record = recordOf(job, last, 'skipped', true, needs)
    const several: TickRecord = { ...record, reason: 'missed', count, from: first.toISOString() }
    const id = tickIdOf(job.name, first)
    if (await needs.journal.claim('tick', id, several)) return { ticks, earlier: count }
    after = new Date((await needs.journal.find('tick', id) as TickRecord).nominalAt)
  }
}

/** What a schedule takes for now: its ticks come so much later than their nominal time. */
function nowOf(name: string, schedule: Schedule, now: Date): Date {
  return new Date(now.getTime() - spreadOf(name, schedule.spreadMs))
}

/** The missed ticks that are made up for. With an on-time tick at hand `latest` needs none. */
function chooseMissed(late: readonly Date[], ticks: readonly Date[], missed: Schedule['missed']): readonly Date[] {
  switch (missed.policy) {
    case 'skip': return []
    case 'latest': return late.length === ticks.length ? late.slice(-1) : []
    case 'all': return missed.max === 0 ? [] : late.slice(-missed.max)
  }
}

/** How a tick begins beside earlier ones of its schedule that have not ended. */
function stateBeside(open: readonly TickRecord[], overlap: OverlapPolicy): 'claimed' | 'buffered' | 'skipped' {
  if (overlap === 'allow' || open.length === 0) return 'claimed'
  switch (overlap) {
    case 'skip': return 'skipped'
    case 'bufferOne': return open.some(({ state }) => state === 'buffered') ? 'skipped' : 'buffered'
    case 'cancelOther': return 'buffered'
  }
}

function recordOf(
  job: Scheduled, nominalAt: Date, state: 'claimed' | 'buffered' | 'skipped', backfilled: boolean, { clock }: TickNeeds,
): TickRecord {
  return {
    schedule: job.name, state, nominalAt: nominalAt.toISOString(), claimedAt: clock.now().toISOString(), backfilled, runs: 0,
    ...(state === 'skipped' && { reason: 'overlap' as const }),
  }
}

async function claim(record: TickRecord, { journal }: TickNeeds): Promise<boolean> {
  return await journal.claim('tick', tickIdOf(record.schedule, new Date(record.nominalAt)), record)
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
