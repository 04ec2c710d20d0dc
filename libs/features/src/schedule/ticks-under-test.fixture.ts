import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import {
  defineJob, silentLog, type EnqueueOptions, type JobQueue, type JobState, type JobView, type Journal, type MissedPolicy,
  type OverlapPolicy, type QueueAdmin, type Schedule,
} from '@tallyfleet/ports'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { z } from 'zod'
import type { CronTicks } from './due-ticks.ts'
import { tickIdOf, tickJobIdOf, type TickRecord } from './tick-records.ts'

export const START = Date.parse('2026-11-21T10:00:00Z')
export const MINUTE = 60_000

/** A "pattern" is a period in ms. */
export const cronTicks: CronTicks = function* (pattern, _zone, after) {
  const everyMs = Number(pattern)
  for (let at = Math.floor(after.getTime() / everyMs) * everyMs + everyMs; ; at += everyMs) yield new Date(at)
}

/** The queue's promises as the scheduler sees them: a known job id is ignored. `fails` stands for a Redis that is away. */
export class JobIds implements JobQueue, Pick<QueueAdmin, 'getJob' | 'cancelJob'> {
  readonly enqueued: { jobId: string; options: EnqueueOptions }[] = []
  readonly states = new Map<string, { state: JobState; reason?: string }>()
  readonly cancelled: string[] = []
  calls = 0
  fails = false
  onEnqueue: (options: EnqueueOptions) => Promise<void> = async () => {}

  async enqueue(_job: unknown, _payload: unknown, options: EnqueueOptions = {}): Promise<string> {
    if (this.fails) throw new AppError('STORE_UNAVAILABLE', 'redis is away')
    this.calls += 1
    const jobId = options.jobId!
    if (!this.states.has(jobId)) {
      this.enqueued.push({ jobId, options })
      this.states.set(jobId, { state: 'waiting' })
    }
    await this.onEnqueue(options)
    return jobId
  }

  async getJob(queue: string, id: string): Promise<JobView> {
    const job = this.states.get(id)
    if (!job) throw new AppError('RECORD_UNKNOWN', id)
    return { queue, id, ...job } as JobView
  }

  async cancelJob(_queue: string, id: string): Promise<'removed' | 'aborting'> {
    const job = this.states.get(id)
    if (!job) throw new AppError('RECORD_UNKNOWN', id)
    this.cancelled.push(id)
    if (job.state === 'active') return 'aborting'
    this.states.delete(id)
    return 'removed'
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export const report = (schedule: Schedule) => defineJob({
  name: 'report', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 500, timeoutMs: 1_000, schedule,
})
export const everyMinute = (missed: MissedPolicy = { policy: 'latest' }, overlap?: OverlapPolicy) =>
  report({ everyMs: MINUTE, missed, ...(overlap && { overlap }) })

/** A journal in a file, a queue and a clock that stands still. */
export async function openTicks() {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'fleet-ticks-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const moved = stack.move()
  const openJournal = async (): Promise<Journal> => moved.use(await SqliteJournal.open({ path: join(folder, 'journal.sqlite') }))
  const journal = await openJournal()
  const queue = new JobIds()
  const time = { now: START }
  const needs = { journal, queue, admin: queue, clock: { now: () => new Date(time.now) }, log: silentLog, cronTicks }
  const records = async () => (await journal.list('tick', { limit: 10_000 })).map(({ body }) => body as TickRecord)
  const at = (clock: string) => new Date(`2026-11-21T${clock}:00Z`)
  return {
    journal, openJournal, queue, time, needs, records,
    /** As `10:01 enqueued late`, by nominal time. */
    states: async () => (await records())
      .map(({ nominalAt, state, backfilled }) => `${nominalAt.slice(11, 16)} ${state}${backfilled ? ' late' : ''}`),
    tick: (clock: string) => ({ schedule: 'report', nominalAt: at(clock) }),
    jobId: (clock: string) => tickJobIdOf('report', at(clock)),
    record: async (clock: string) => await journal.find('tick', tickIdOf('report', at(clock))) as TickRecord,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}
