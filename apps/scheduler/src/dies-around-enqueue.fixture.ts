import { promiseJob } from '@tallyfleet/features'
import { checkParityJob } from '@tallyfleet/jobs'
import { silentLog, systemClock, type JobQueue } from '@tallyfleet/ports'
import { openJobQueue } from '@tallyfleet/queue'
import { SqlRecordStore } from '@tallyfleet/store-sql'

/** Promises a job and dies by SIGKILL: `before` it is enqueued, or `after`. Redis, catalog, when. */
const [redisUrl, catalogUrl, when] = process.argv.slice(2) as [string, string, 'before' | 'after']
const records = await SqlRecordStore.open({ url: catalogUrl })
const inner = await openJobQueue({ url: redisUrl })
const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}
const queue: JobQueue = {
  enqueue: async (...order) => {
    if (when === 'after') await inner.enqueue(...order)
    return await die()
  },
  [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
}
await promiseJob(checkParityJob, { dryRun: true }, 'test', { records, queue, clock: systemClock, log: silentLog })
