import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@tallyfleet/logging'
import { createMetrics } from '@tallyfleet/metrics'
import type { Job } from '@tallyfleet/ports'
import { startWorkers } from '@tallyfleet/queue'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { BARE_PREFIX, benchJob, type FleetRun } from './fleet-jobs.ts'

/** Drains the queue as one arm: `ours|bare url concurrency ms warm-up jobs`. Tells its parent a FleetRun. */
const [arm, url, ...numbers] = process.argv.slice(2) as [string, string, ...string[]]
const [concurrency, ms, warmUp, jobs] = numbers.map(Number) as [number, number, number, number]

const runs = new Uint8Array(warmUp + jobs)
let started = 0
let ended = 0
let startedAt = 0
let cpuAtStart: NodeJS.CpuUsage | undefined
const allEnded = Promise.withResolvers<void>()

async function work(n: number): Promise<void> {
  const warm = started++ >= warmUp
  if (started === warmUp + 1) {
    startedAt = performance.now()
    cpuAtStart = process.cpuUsage()
  }
  runs[n]!++
  if (ms > 0 && warm) await sleep(ms)
  if (++ended === warmUp + jobs) allEnded.resolve()
}

const connection = new Redis(url, { maxRetriesPerRequest: null })
const queue = new Queue(benchJob.queue, { connection, prefix: arm === 'ours' ? '{tally}' : BARE_PREFIX })
const worker = arm === 'ours' ? await startOurs() : startBare()
await allEnded.promise
// The processor has ended, but its job is active until Redis has been told.
while ((await queue.getJobCountByTypes('waiting', 'active')) > 0) await sleep(1)
const { user, system } = process.cpuUsage(cpuAtStart)
const run: FleetRun = {
  seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1_000_000,
  once: runs.filter((times) => times === 1).length,
  left: await queue.getJobCountByTypes('waiting', 'active', 'delayed', 'failed'),
}
process.send!(run)
await worker.close()
await queue.close()
process.exit()

function startBare(): { close: () => Promise<void> } {
  return new Worker<{ n: number }>(benchJob.queue, (job) => work(job.data.n), { connection, prefix: BARE_PREFIX, concurrency })
}

async function startOurs(): Promise<{ close: () => Promise<void> }> {
  const fleet = await startWorkers({
    url, jobs: [{ definition: benchJob, process: async ({ payload }) => work(payload.n) } satisfies Job<{ n: number }, object>], needs: {},
    queues: [{ name: benchJob.queue, concurrency }], drainMs: 1_000,
    log: createLogger({ app: 'bench' }), metrics: createMetrics({ app: 'bench' }),
  })
  return { close: async () => fleet[Symbol.asyncDispose]() }
}
