import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promiseJob, relayOutbox } from '@tallyfleet/features'
import { checkParityJob, jobs } from '@tallyfleet/jobs'
import { silentLog } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin } from '@tallyfleet/queue'
import { SqlRecordStore } from '@tallyfleet/store-sql'
import { startPrivateRedis } from '@tallyfleet/testing'
import { expect, test } from 'vitest'

async function openOutbox() {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'fleet-outbox-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const catalogUrl = `sqlite:${join(folder, 'catalog.sqlite')}`
  const records = stack.use(await SqlRecordStore.open({ url: catalogUrl }))
  const queue = stack.use(await openJobQueue({ url: redis.url }))
  const admin = stack.use(await openQueueAdmin({ url: redis.url, jobs }))
  const time = { aheadMs: 0 }
  const needs = { records, queue, clock: { now: () => new Date(Date.now() + time.aheadMs) }, log: silentLog }
  const moved = stack.move()
  return {
    redis, catalogUrl, needs, time, admin,
    rows: () => records.count({ tenant: 'default', kind: 'outbox' }),
    waiting: () => admin.listJobs('maintenance', 'waiting', 100),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

test.each([['before', 0], ['after', 1]] as const)('a job whose promiser is killed %s it was enqueued is one job', { timeout: 60_000 }, async (when, already) => {
  await using outbox = await openOutbox()
  const dying = fork(new URL('./dies-around-enqueue.fixture.ts', import.meta.url), [outbox.redis.url, outbox.catalogUrl, when], { execArgv: [] })
  expect(await once(dying, 'exit')).toEqual([null, 'SIGKILL'])
  expect([await outbox.rows(), (await outbox.waiting()).length]).toEqual([1, already])
  expect(await relayOutbox(jobs, { ...outbox.needs, clock: { now: () => new Date(0) } })).toBe(0) // it may still be at it
  outbox.time.aheadMs = 2_001
  const relayed = await Promise.all([relayOutbox(jobs, outbox.needs), relayOutbox(jobs, outbox.needs)])
  expect(Math.max(...relayed)).toBe(1)
  expect(await outbox.waiting()).toMatchObject([{ job: 'check-parity', payload: { dryRun: true } }])
  expect(await outbox.rows()).toBe(0)
})

test('a job is promised while redis is away, and made once it is back', { timeout: 60_000 }, async () => {
  await using outbox = await openOutbox()
  const away = { ...outbox.needs, queue: await openJobQueue({ url: outbox.redis.url }) }
  await away.queue[Symbol.asyncDispose]()
  const id = await promiseJob(checkParityJob, {}, 'test', away)
  expect([await outbox.rows(), (await outbox.waiting()).length]).toEqual([1, 0])
  outbox.time.aheadMs = 2_001
  await expect(relayOutbox(jobs, { ...away, clock: outbox.needs.clock })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(await relayOutbox([], outbox.needs)).toBe(0) // a scheduler of a release that does not know the job
  expect(await relayOutbox(jobs, outbox.needs)).toBe(1)
  expect(await outbox.waiting()).toMatchObject([{ id }])
  expect(await relayOutbox(jobs, outbox.needs)).toBe(0)
})

test('what is enqueued at once leaves nothing behind, and a bad payload is refused at once', { timeout: 60_000 }, async () => {
  await using outbox = await openOutbox()
  const id = await promiseJob(checkParityJob, { repair: true }, 'test', outbox.needs)
  expect(await outbox.waiting()).toMatchObject([{ id, payload: { repair: true } }])
  await expect(promiseJob(checkParityJob, { stores: [] }, 'test', outbox.needs)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
  expect(await outbox.rows()).toBe(0)
})
