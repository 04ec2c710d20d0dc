import { isDeepStrictEqual } from 'node:util'
import type { Clock, JobDefinition, JobQueue, Journal, Log, Schedule } from '@tallyfleet/ports'
import { dueTicks, type CronTicks } from './due-ticks.ts'
import { tickIdOf, tickJobIdOf, type ScheduleRecord, type TickRecord, type TickState } from './tick-records.ts'

export type TickNeeds = { journal: Journal; queue: JobQueue; clock: Clock; log: Log; cronTicks: CronTicks }

/** What one round of one scheduler did: ticks that it enqueued, how many of those late, and ticks that it skipped. */
export type SettledTicks = { enqueued: number; backfilled: number; skipped: number }

type Scheduled = JobDefinition<any>

/** A tick that is enqueued within this long is on time; an older one was missed, and its schedule's policy decides. */
const ON_TIME_MS = 10_000
const MIN_RECORDS = 100
/** A claim this old was left behind by a scheduler that died before it could enqueue. */
const LEFT_CLAIM_MS = 10_000
/** A job this old that never started may have been lost with the tail of Redis's log. */
const LOST_JOB_MS = 60_000
const PAGE = 1_000

/**
 * Settles every tick that is due: each gets one record in the journal, written by exactly one of any number of
 * schedulers, and is enqueued or skipped. A changed definition takes effect after what was due under the old one is
 * settled. Jobs without a schedule are left out.
 */
export async function settleTicks(jobs: readonly Scheduled[], needs: TickNeeds): Promise<SettledTicks> {
  const settled: SettledTicks = { enqueued: 0, backfilled: 0, skipped: 0 }
  const records = await needs.journal.list('schedule', { limit: PAGE })
  const stored = new Map(records.map(({ id, body }) => [id, body as ScheduleRecord]))
  for (const job of jobs) {
    if (job.schedule) await settleSchedule(job, job.schedule, stored.get(job.name), needs, settled)
  }
  return settled
}

async function settleSchedule(
  job: Scheduled, schedule: Schedule, stored: ScheduleRecord | undefined, needs: TickNeeds, settled: SettledTicks,
): Promise<void> {
  const { journal, clock, cronTicks } = needs
  const now = clock.now()
  if (!stored) {
    const first: ScheduleRecord = { definition: schedule, lastTickAt: now.toISOString() }
    await journal.claim('schedule', job.name, first)
    return
  }
  const lastTickAt = new Date(stored.lastTickAt)
  const { missed } = stored.definition
  const limit = Math.max(MIN_RECORDS, missed.policy === 'all' ? missed.max + 1 : 1)
  const { ticks, earlier } = dueTicks(stored.definition, lastTickAt, now, limit, cronTicks)
  if (earlier) {
    const { count, first, last } = earlier
    const extra = { count, from: first.toISOString() }
    if (await claim(job, last, 'skipped', true, needs, extra)) settled.skipped += count
  }
  const late = ticks.filter((at) => now.getTime() - at.getTime() > ON_TIME_MS || at !== ticks.at(-1))
  const chosen = new Set(chooseMissed(late, ticks, missed))
  for (const at of ticks) {
    const isLate = late.includes(at)
    if (isLate && !chosen.has(at)) {
      if (await claim(job, at, 'skipped', true, needs)) settled.skipped += 1
    } else if (await claim(job, at, 'claimed', isLate, needs)) {
      settled.enqueued += 1
      if (isLate) settled.backfilled += 1
      await enqueueTick(job, at, isLate, needs)
    }
  }
  const changed = !isDeepStrictEqual(stored.definition, schedule)
  const settledTo = changed ? later(now, lastTickAt) : ticks.at(-1)
  // Last, so that a scheduler that dies on the way leaves the rest to be settled again.
  if (settledTo) {
    const next: ScheduleRecord = { definition: schedule, lastTickAt: settledTo.toISOString() }
    await journal.swap('schedule', job.name, stored, next)
  }
}

/** The missed ticks that are made up for. With an on-time tick at hand `latest` needs none. */
function chooseMissed(late: readonly Date[], ticks: readonly Date[], missed: Schedule['missed']): readonly Date[] {
  switch (missed.policy) {
    case 'skip': return []
    case 'latest': return late.length === ticks.length ? late.slice(-1) : []
    case 'all': return missed.max === 0 ? [] : late.slice(-missed.max)
  }
}

/**
 * Enqueues again what seems to have been left on the way: ticks that were claimed and not enqueued, and ticks that were
 * enqueued and never started. The job id makes it one job.
 * @param withinMs how far back to look
 * @returns how many claims were left behind
 */
export async function enqueueLeftTicks(
  jobs: readonly Scheduled[], withinMs: number, needs: Omit<TickNeeds, 'cronTicks'>,
): Promise<number> {
  const { journal, clock } = needs
  const now = clock.now().getTime()
  let count = 0
  for (const job of jobs) {
    if (!job.schedule) continue
    let from = tickIdOf(job.name, new Date(now - withinMs))
    for (;;) {
      const page = await journal.list('tick', { from, to: `${job.name}@~`, limit: PAGE })
      for (const { body } of page) {
        const tick = body as TickRecord
        const age = now - Date.parse(tick.claimedAt)
        const leftClaim = tick.state === 'claimed' && age > LEFT_CLAIM_MS
        if (!leftClaim && !(tick.state === 'enqueued' && age > LOST_JOB_MS)) continue
        // Most jobs that have not started are waiting, and then this changes nothing.
        const enqueued = await enqueueTick(job, new Date(tick.nominalAt), tick.backfilled, needs)
        if (enqueued && leftClaim) count += 1
      }
      if (page.length < PAGE) break
      from = `${page.at(-1)!.id}\u0000`
    }
  }
  return count
}

async function claim(
  job: Scheduled, nominalAt: Date, state: TickState, backfilled: boolean, { journal, clock }: TickNeeds,
  extra: Partial<TickRecord> = {},
): Promise<boolean> {
  const record: TickRecord = {
    schedule: job.name, state, nominalAt: nominalAt.toISOString(), claimedAt: clock.now().toISOString(), backfilled,
    runs: 0, ...extra,
  }
  return await journal.claim('tick', tickIdOf(job.name, nominalAt), record)
}

/** False when the queue refused: the claim stays, and a later round enqueues it. */
async function enqueueTick(
  job: Scheduled, nominalAt: Date, backfilled: boolean, { journal, queue, log }: Omit<TickNeeds, 'cronTicks'>,
): Promise<boolean> {
  const id = tickIdOf(job.name, nominalAt)
  try {
    const tick = { schedule: job.name, nominalAt, backfilled }
    await queue.enqueue(job, {}, { jobId: tickJobIdOf(job.name, nominalAt), tick })
  } catch (error) {
    log.warn({ err: error, tick: id }, 'tick not enqueued')
    return false
  }
  const record = await journal.find('tick', id) as TickRecord | undefined
  // A worker may have been faster: then the record says more than `enqueued`.
  if (record?.state === 'claimed') await journal.swap('tick', id, record, { ...record, state: 'enqueued' })
  return true
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b
}
