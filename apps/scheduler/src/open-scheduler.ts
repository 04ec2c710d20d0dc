import type { SchedulerConfig } from '@tallyfleet/config'
import { relayOutbox, releaseTicks, repairTicks, settleTicks } from '@tallyfleet/features'
import { flushJob, jobs } from '@tallyfleet/jobs'
import { createMetrics, MetricsHub, serveHealth } from '@tallyfleet/metrics'
import { packs } from '@tallyfleet/packs'
import type { JobDefinition, Log } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin, watchQueues } from '@tallyfleet/queue'
import { openStores, type StoresConfig } from '@tallyfleet/stores'
import { cronTicks } from './cron-ticks.ts'
import { flushEarly } from './flush-early.ts'
import { repeat } from './repeat.ts'
import { tickMetricsIn } from './tick-metrics.ts'
import { watchStores } from './watch-stores.ts'

export type Scheduler = AsyncDisposable & { httpPort: number | undefined }

/** A tick that another scheduler claimed before it died is enqueued this long and a round later: within 5 s in all. */
const LEFT_EVERY_MS = 1_500
const LEFT_WITHIN_MS = 30_000
const REPAIR_EVERY_MS = 10_000
const REPAIR_WITHIN_MS = 15 * 60_000
const REPAIR_WITHIN_AT_START_MS = 8 * 86_400_000
const SILENT_MS = 30_000

/** Opens the stores and starts to tick. Any number of schedulers may run: each tick is claimed by one. */
export async function openScheduler(config: SchedulerConfig & StoresConfig, log: Log): Promise<Scheduler> {
  await using stack = new AsyncDisposableStack()
  const stores = stack.use(await openStores(config, { packs, log }))
  const metrics = createMetrics({ app: 'scheduler' })
  stack.use(new MetricsHub({ metrics, log, publish: (process, list) => stores.metrics.publish(process, list) }))
  const queue = stack.use(await openJobQueue({ url: stores.redisUrl, metrics }))
  const admin = stack.use(await openQueueAdmin({ url: stores.redisUrl, jobs }))
  stack.use(watchQueues({ admin, metrics, log }))

  const scheduled = withFlushInterval(config.FLUSH_INTERVAL_MS)
  // One clock for all schedulers, that of Redis: one whose own runs ahead would settle ticks of hours to come, and none
  // would tick until then.
  const needsNow = async () => {
    const now = await queue.now()
    return { journal: stores.journal, queue, admin, clock: { now: () => now }, log, cronTicks }
  }
  const counted = tickMetricsIn(metrics, scheduled)
  const settling = stack.use(repeat('settle ticks', Math.min(1_000, config.FLUSH_INTERVAL_MS / 2), log, async () => {
    counted.settled(await settleTicks(scheduled, await needsNow()))
    await releaseTicks(scheduled, await needsNow())
  }))
  stack.use(repeat('enqueue left ticks', LEFT_EVERY_MS, log, async () => {
    counted.repaired(await repairTicks(scheduled, LEFT_WITHIN_MS, await needsNow()))
  }))
  let withinMs = REPAIR_WITHIN_AT_START_MS
  stack.use(repeat('repair ticks', REPAIR_EVERY_MS, log, async () => {
    counted.repaired(await repairTicks(scheduled, withinMs, await needsNow()))
    withinMs = REPAIR_WITHIN_MS
  }))
  const relayed = metrics.counter('fleet_outbox_relayed_total', 'Jobs that were promised and left behind, made by a scheduler')
  stack.use(repeat('relay outbox', LEFT_EVERY_MS, log, async () => {
    relayed.inc(await relayOutbox(jobs, { ...await needsNow(), records: stores.records }))
  }))
  stack.use(flushEarly({ hot: stores.hot, queue, log, limit: config.FLUSH_EARLY_FIELDS }))
  stack.use(watchStores({ ...stores, admin, metrics, log }))

  const { SCHEDULER_HTTP_PORT: port, SCHEDULER_HTTP_HOST: host } = config
  const health = () => {
    const ready = Date.now() - settling.lastDoneAt.getTime() < SILENT_MS
    return { live: true, ready, detail: { lastRoundAt: settling.lastDoneAt } }
  }
  const server = port === undefined ? undefined : stack.use(await serveHealth({ port, host, health, metrics }))
  const moved = stack.move()
  return { httpPort: server?.port, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

/** The jobs, with the flush as often as this installation wants it. */
export function withFlushInterval(everyMs: number): JobDefinition<any>[] {
  return jobs.map((job) => (job.name === flushJob.name && job.schedule
    ? { ...job, schedule: { ...job.schedule, everyMs } } : job))
}
