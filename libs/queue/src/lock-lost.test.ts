import { silentLog } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { openJobQueue, startWorkers } from './index.ts'
import { neverEnds } from './never-ends.fixture.ts'

test('a try is aborted before its lock runs out when Redis falls silent, and the job goes on when it speaks again', async () => {
  const server = await startPrivateRedis()
  const ends: string[] = []
  const attempts: number[] = []
  let reason: unknown
  const queue = await openJobQueue({ url: server.url })
  const fleet = await startWorkers<Record<string, never>>({
    url: server.url, queues: [{ name: 'tests', concurrency: 1 }], needs: {}, drainMs: 0, log: silentLog,
    observer: { async started() {}, async ended(_, end) { ends.push(end) } },
    jobs: [{
      definition: neverEnds,
      process: ({ signal, attempt }) => {
        attempts.push(attempt)
        if (attempt > 1) return Promise.resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => { reason = signal.reason; reject(new Error('stopped')) }))
      },
    }],
  })
  try {
    await queue.enqueue(neverEnds, {})
    await waitUntil(() => attempts.length === 1)
    process.kill(server.pid, 'SIGSTOP')
    const silentAt = performance.now()
    await waitUntil(() => reason, { timeoutMs: 20_000 })
    expect(reason).toMatchObject({ why: 'lock lost' })
    expect(performance.now() - silentAt).toBeLessThan(15_000)
    process.kill(server.pid, 'SIGCONT')
    await waitUntil(() => ends.length === 2, { timeoutMs: 40_000 })
    expect(ends).toEqual(['lock lost', 'done'])
  } finally {
    process.kill(server.pid, 'SIGCONT')
    await fleet[Symbol.asyncDispose]()
    await queue[Symbol.asyncDispose]()
    await server.stop()
  }
}, 90_000)
