import { setTimeout as sleep } from 'node:timers/promises'
import { settleTicks } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock, type JobQueue } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { cronTicks } from './cron-ticks.ts'
import { withFlushInterval } from './open-scheduler.ts'

/** A scheduler that is faster than any other, and dies by SIGKILL between its first claim and the job of it. */
const stores = await openStores(storesConfig.parse(process.env), { packs, log: silentLog })
const queue: JobQueue = {
  enqueue: () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
  async [Symbol.asyncDispose]() {},
}
const scheduled = withFlushInterval(Number(process.env['FLUSH_INTERVAL_MS']))
process.send!({ ready: true })
for (;;) {
  await settleTicks(scheduled, { journal: stores.journal, queue, clock: systemClock, log: silentLog, cronTicks })
  await sleep(5)
}
