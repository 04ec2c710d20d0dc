import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '@tallyfleet/logging'
import { createMetrics } from '@tallyfleet/metrics'
import type { Job } from '@tallyfleet/ports'
import { startWorkers } from '@tallyfleet/queue'
import { benchJob } from './fleet-jobs.ts'

/** One worker process of several: `url concurrency ms`. Says `ready`, and when it is asked the numbers of its jobs. */
const [url, ...numbers] = process.argv.slice(2) as [string, ...string[]]
const [concurrency, ms] = numbers.map(Number) as [number, number]

const ran: number[] = []
const job = {
  definition: benchJob,
  async process({ payload }) {
    ran.push(payload.n)
    await sleep(ms)
  },
} satisfies Job<{ n: number }, object>

await using _ = await startWorkers({
  url, jobs: [job], needs: {}, queues: [{ name: benchJob.queue, concurrency }], drainMs: 1_000,
  log: createLogger({ app: 'bench' }), metrics: createMetrics({ app: 'bench' }),
})
process.send!('ready')
process.on('message', () => process.send!(ran.splice(0)))
process.on('disconnect', () => process.exit())
const { promise, resolve } = Promise.withResolvers<void>()
process.once('SIGTERM', resolve)
await promise
process.disconnect()
