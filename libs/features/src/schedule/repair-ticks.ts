import { toAppError } from '@tallyfleet/domain'
import type { JobDefinition, JobView, QueueAdmin } from '@tallyfleet/ports'
import { enqueueTick, type EnqueueTickNeeds } from './enqueue-tick.ts'
import { findOpenTicks } from './find-open-ticks.ts'
import { noteTickEnded } from './note-tick.ts'
import { tickIdOf, tickJobIdOf, type ScheduleRecord, type TickRecord } from './tick-records.ts'

type Needs = EnqueueTickNeeds & { admin: Pick<QueueAdmin, 'getJob'> }

/**
 * What was wrong with ticks: a claim whose scheduler died before it could enqueue, a job that was not in its queue and
 * was put back, one that was not there a second time, and an end that nobody had noted.
 */
export type RepairedTicks = { left: number; lost: number; givenUp: number; noted: number }

/** A claim this old was left behind. Enqueuing it beside a scheduler that is merely slow makes the same one job. */
const LEFT_CLAIM_MS = 1_500
/** A record this old that its job does not confirm is looked into. */
const SILENT_JOB_MS = 10_000
const MAX_REPAIRS = 1
const PAGE = 1_000

/**
 * Brings the records of ticks that have not ended, and their jobs in the queues, back together. Whatever was lost with
 * the tail of Redis's log, or by a scheduler or worker that died, is made up for; what waits or runs is left alone.
 * @param withinMs how far back to look, by nominal time; ticks that others wait for are looked at however old
 * @returns by schedule, those with something to repair
 */
export async function repairTicks(
  jobs: readonly JobDefinition<any>[], withinMs: number, needs: Needs,
): Promise<ReadonlyMap<string, RepairedTicks>> {
  const stored = new Map((await needs.journal.list('schedule', { limit: PAGE })).map(({ id, body }) => [id, body as ScheduleRecord]))
  const all = new Map<string, RepairedTicks>()
  for (const job of jobs) {
    if (!job.schedule) continue
    const repaired: RepairedTicks = { left: 0, lost: 0, givenUp: 0, noted: 0 }
    const record = stored.get(job.name)
    const seen = new Set<string>()
    for await (const tick of ticksOf(job, record, withinMs, needs)) {
      if (seen.has(tick.nominalAt)) continue
      seen.add(tick.nominalAt)
      const what = await repairTick(job, tick, needs)
      if (what) repaired[what] += 1
    }
    if (Object.values(repaired).some((count) => count > 0)) all.set(job.name, repaired)
  }
  return all
}

async function* ticksOf(
  job: JobDefinition<any>, stored: ScheduleRecord | undefined, withinMs: number, { journal, clock }: Needs,
): AsyncGenerator<TickRecord> {
  if (stored) yield* await findOpenTicks(job.name, stored, journal)
  let from = tickIdOf(job.name, new Date(clock.now().getTime() - withinMs))
  for (;;) {
    const page = await journal.list('tick', { from, to: `${job.name}@~`, limit: PAGE })
    for (const { body } of page) yield body as TickRecord
    if (page.length < PAGE) return
    from = `${page.at(-1)!.id}\u0000`
  }
}

async function repairTick(job: JobDefinition<any>, tick: TickRecord, needs: Needs): Promise<keyof RepairedTicks | undefined> {
  const { journal, clock, log } = needs
  const nominalAt = new Date(tick.nominalAt)
  const age = clock.now().getTime() - Date.parse(tick.startedAt ?? tick.claimedAt)
  if (tick.state === 'claimed') {
    return age > LEFT_CLAIM_MS && await enqueueTick(job, nominalAt, tick.backfilled, needs) ? 'left' : undefined
  }
  if (!(tick.state === 'enqueued' || tick.state === 'running') || age < SILENT_JOB_MS) return undefined
  const view = await findJob(job.queue, tickJobIdOf(job.name, nominalAt), needs.admin)
  if (view && view.state !== 'completed' && view.state !== 'failed') return undefined
  const id = tickIdOf(job.name, nominalAt)
  // Its worker may have noted the end since the record was read.
  if (JSON.stringify(await journal.find('tick', id)) !== JSON.stringify(tick)) return undefined
  if (view) {
    const error = view.state === 'failed' ? codeOf(view) : undefined
    await noteTickEnded({ schedule: job.name, nominalAt }, error, needs)
    return 'noted'
  }
  if ((tick.repairs ?? 0) >= MAX_REPAIRS) {
    log.error({ tick: id }, 'job of a tick vanished again')
    await noteTickEnded({ schedule: job.name, nominalAt }, 'JOB_LOST', needs)
    return 'givenUp'
  }
  log.warn({ tick: id, state: tick.state }, 'job of a tick vanished')
  // Enqueued first: a scheduler that dies in between finds a job, and not a repair that never happened.
  if (!await enqueueTick(job, nominalAt, tick.backfilled, needs)) return undefined
  const now = await journal.find('tick', id) as TickRecord | undefined
  if (now) await journal.swap('tick', id, now, { ...now, repairs: (tick.repairs ?? 0) + 1 })
  return 'lost'
}

async function findJob(queue: string, id: string, admin: Needs['admin']): Promise<JobView | undefined> {
  try {
    return await admin.getJob(queue, id)
  } catch (error) {
    if (toAppError(error).code === 'RECORD_UNKNOWN') return undefined
    throw error
  }
}

/** A dead letter's reason begins with its code. */
function codeOf({ reason = '' }: JobView): string {
  return /^[A-Z_]+(?=:)/.exec(reason)?.[0] ?? 'BUG'
}
