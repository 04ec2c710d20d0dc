import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@tallyfleet/logging'
import { createMetrics } from '@tallyfleet/metrics'
import type { Job } from '@tallyfleet/ports'
import { startWorkers } from '@tallyfleet/queue'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { benchJob, prefixOf, type Arm, type FleetOrder, type FleetRun } from './fleet-jobs.ts'

/** A worker of one arm: `ours|bare url concurrency`. Tells its parent when it is ready, then a FleetRun for each order. */
const [arm, url, concurrency] = process.argv.slice(2) as [Arm, string, string]

let runs = new Uint8Array()
let ended = 0
let ms = 0
let allEnded = Promise.withResolvers<void>()

async function work(n: number): Promise<void> {
  runs[n]!++
  if (ms > 0) await sleep(ms)
  if (++ended === runs.length) allEnded.resolve()
}

const connection = new Redis(url, { maxRetriesPerRequest: null })
const queue = new Queue(benchJob.queue, { connection, prefix: prefixOf(arm) })
if (arm === 'ours') await startOurs()
else await startBare()
process.send!('ready')
for (;;) {
  const [order] = await once(process, 'message') as [FleetOrder]
  process.send!(await run(order))
}

async function run(order: FleetOrder): Promise<FleetRun> {
  runs = new Uint8Array(order.jobs)
  ended = 0
  ms = order.ms
  allEnded = Promise.withResolvers()
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  await queue.resume()
  await allEnded.promise
  // The processor has ended, but its job is active until Redis has been told.
  while ((await queue.getJobCountByTypes('waiting', 'active')) > 0) await sleep(1)
  const { user, system } = process.cpuUsage(cpuAtStart)
  return {
    seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1_000_000,
    once: runs.filter((times) => times === 1).length,
    left: await queue.getJobCountByTypes('waiting', 'active', 'delayed', 'failed'),
  }
}

async function startBare(): Promise<void> {
  const options = { connection, prefix: prefixOf(arm), concurrency: Number(concurrency) }
  await new Worker<{ n: number }>(benchJob.queue, (job) => work(job.data.n), options).waitUntilReady()
}

async function startOurs(): Promise<void> {
  await startWorkers({
    url, jobs: [{ definition: benchJob, process: async ({ payload }) => work(payload.n) } satisfies Job<{ n: number }, object>], needs: {},
    queues: [{ name: benchJob.queue, concurrency: Number(concurrency) }], drainMs: 1_000,
    log: createLogger({ app: 'bench' }), metrics: createMetrics({ app: 'bench' }),
  })
}
