import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { silentLog } from '@tallyfleet/ports'
import { freshName, startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { openJobQueue, openQueueAdmin, startWorkers } from './index.ts'
import { neverEnds } from './never-ends.fixture.ts'

const LONG = process.env['FLEET_LONG'] === '1'
const KILLS = LONG ? 50 : 3
const AT_ONCE = LONG ? 10 : 3
const LIMIT_MS = 20_000
/** A lock is renewed every 6.5 seconds: the kills fall anywhere between two renewals. */
const PHASE_MS = LONG ? 8_000 : 0

test(`a job whose worker is killed goes on within 20 seconds, the worst of ${KILLS}, and the crash uses up a try`, async () => {
  const redis = await startPrivateRedis()
  const afterMs: number[] = []
  try {
    while (afterMs.length < KILLS) {
      const round = Math.min(AT_ONCE, KILLS - afterMs.length)
      afterMs.push(...await Promise.all(Array.from({ length: round }, () => killOne(redis.url))))
    }
  } finally {
    await redis.stop()
  }
  const sorted = afterMs.map(Math.round).sort((a, b) => a - b)
  console.info(`kill -9: ${KILLS} recoveries, median ${sorted[KILLS >> 1]} ms, worst ${sorted.at(-1)} ms`)
  expect(sorted.at(-1)).toBeLessThan(LIMIT_MS)
}, LONG ? 600_000 : 90_000)

/** Kills a worker in the middle of a job, and answers how long it took until another one had started the job again. */
async function killOne(url: string): Promise<number> {
  const prefix = `{${freshName('kill')}}`
  await using queue = await openJobQueue({ url, prefix })
  await using admin = await openQueueAdmin({ url, prefix, jobs: [neverEnds] })
  const child = fork(new URL('./worker.fixture.ts', import.meta.url), [url, prefix], { execArgv: [] })
  try {
    const id = await queue.enqueue(neverEnds, {})
    expect((await once(child, 'message'))[0]).toEqual({ jobId: id, attempt: 1 })
    let resumed: { attempt: number; at: number } | undefined
    const stalled: unknown[] = []
    await using survivor = await startWorkers<Record<string, never>>({
      url, prefix, queues: [{ name: 'tests', concurrency: 1 }], needs: {}, drainMs: 0, log: silentLog,
      observer: { async started() {}, async ended() {}, stalled: (run) => { stalled.push(run) } },
      jobs: [{
        definition: neverEnds,
        process: async ({ attempt }) => {
          resumed = { attempt, at: performance.now() }
          throw new AppError('STORE_UNAVAILABLE', 'away') // the second of two tries
        },
      }],
    })
    survivor satisfies AsyncDisposable
    await sleep(Math.random() * PHASE_MS)
    child.kill('SIGKILL')
    const killedAt = performance.now()
    await waitUntil(() => resumed, { timeoutMs: 3 * LIMIT_MS })
    expect(resumed!.attempt).toBe(2)
    await waitUntil(() => stalled.length > 0)
    expect(stalled).toMatchObject([{ queue: 'tests', job: neverEnds.name, jobId: id }])
    await waitUntil(async () => (await admin.listQueues())[0]!.counts.failed === 1)
    return resumed!.at - killedAt
  } finally {
    child.kill('SIGKILL')
  }
}
