import { hostname } from 'node:os'
import type { WorkersConfig } from '@tallyfleet/config'
import { JobEventRecorder, noteTickEnded, noteTickStarted } from '@tallyfleet/features'
import { jobs } from '@tallyfleet/jobs'
import { processors } from '@tallyfleet/jobs/processors'
import { createMetrics, MetricsHub, serveHealth } from '@tallyfleet/metrics'
import { packs } from '@tallyfleet/packs'
import { systemClock, type Log } from '@tallyfleet/ports'
import {
  openJobQueue, openQueueAdmin, parseQueueChoice, queuesOf, startWorkers, type QueueChoice, type RunObserver,
} from '@tallyfleet/queue'
import { openStores, type StoresConfig } from '@tallyfleet/stores'
import { exitWhenBlocked } from './exit-when-blocked.ts'
import { exitWhenStuck } from './exit-when-stuck.ts'
import { tellJobEvents } from './tell-job-events.ts'

export type Workers = AsyncDisposable & { queues: QueueChoice[]; httpPort: number | undefined }

/** Opens the stores and starts a worker for each chosen queue. Disposing drains the workers, then closes the rest. */
export async function openWorkers(config: WorkersConfig & StoresConfig, log: Log): Promise<Workers> {
  const queues = parseQueueChoice(config.FLEET_QUEUES, queuesOf(jobs))
  await using stack = new AsyncDisposableStack()
  const stores = stack.use(await openStores(config, { packs, log }))
  const metrics = createMetrics({ app: 'worker' })
  stack.use(new MetricsHub({ metrics, log, publish: (process, list) => stores.metrics.publish(process, list) }))
  const queue = stack.use(await openJobQueue({ url: stores.redisUrl, metrics }))
  const admin = stack.use(await openQueueAdmin({ url: stores.redisUrl, jobs }))

  const noted = { journal: stores.journal, clock: systemClock }
  const worker = `${hostname()}-${process.pid}`
  const dropped = metrics.counter('fleet_job_events_dropped_total', 'Events of own jobs that were not kept: their store was away for long')
  const recorder = stack.use(new JobEventRecorder(worker, { ...stores, clock: systemClock, log }, { onDrop: () => dropped.inc() }))
  const told = tellJobEvents(recorder, worker)
  const observer: RunObserver = {
    started: async (run) => {
      told.started(run)
      if (run.tick) await noteTickStarted(run.tick, noted)
    },
    stalled: told.stalled,
    ended: async (run, end, error, durationMs) => {
      told.ended(run, end, error, durationMs)
      const { tick } = run
      if (tick && (end === 'done' || end === 'dead')) await noteTickEnded(tick, error?.code, noted)
    },
  }
  const needs = { ...stores, packs, queue, admin, clock: systemClock }
  const fleet = stack.use(await startWorkers({
    url: stores.redisUrl, jobs: processors, needs, queues, log, metrics, observer, drainMs: config.WORKER_DRAIN_MS,
    release: config.FLEET_RELEASE, needsLog: config.WORKER_REDIS_LOG === 'required',
  }))
  stack.use(exitWhenStuck(fleet, log))
  stack.use(exitWhenBlocked())
  const { WORKER_HTTP_PORT: port, WORKER_HTTP_HOST: host } = config
  const health = () => {
    const { ok, queues: detail } = fleet.health()
    return { live: !detail.some(({ stuck }) => stuck), ready: ok, detail }
  }
  const server = port === undefined ? undefined : stack.use(await serveHealth({ port, host, health, metrics }))
  const moved = stack.move()
  return { queues, httpPort: server?.port, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}
