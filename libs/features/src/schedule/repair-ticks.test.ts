import { expect, test } from 'vitest'
import { noteTickEnded, noteTickStarted } from './note-tick.ts'
import { repairTicks, type RepairedTicks } from './repair-ticks.ts'
import { settleTicks } from './settle-ticks.ts'
import { everyMinute, MINUTE, openTicks } from './ticks-under-test.fixture.ts'

const WITHIN = 10 * MINUTE
const repaired = (some: Partial<RepairedTicks>) => new Map([['report', { left: 0, lost: 0, givenUp: 0, noted: 0, ...some }]])
const NOTHING = new Map()
const jobs = [everyMinute()]

/** One tick whose job waits, a minute ago. */
async function oneTick() {
  const under = await openTicks()
  await settleTicks(jobs, under.needs)
  under.time.now += MINUTE
  await settleTicks(jobs, under.needs)
  under.time.now += MINUTE / 2
  return { ...under, repair: () => repairTicks(jobs, WITHIN, under.needs) }
}

test('a tick whose scheduler died before it could enqueue is enqueued by another', async () => {
  await using under = await openTicks()
  const { needs, time, queue, states } = under
  await settleTicks(jobs, needs)
  time.now += MINUTE
  queue.fails = true
  await settleTicks(jobs, needs)
  expect(await states()).toEqual(['10:01 claimed'])
  queue.fails = false
  const other = { ...needs, journal: await under.openJournal() }
  expect(await repairTicks(jobs, WITHIN, other)).toEqual(NOTHING)
  time.now += 1_501
  expect(await repairTicks(jobs, WITHIN, other)).toEqual(repaired({ left: 1 }))
  expect(await repairTicks(jobs, WITHIN, other)).toEqual(NOTHING)
  expect(await states()).toEqual(['10:01 enqueued'])
  expect(queue.enqueued).toHaveLength(1)
})

test.each([['before it started', false], ['while it ran', true]])('a job that vanished %s is put back once under its own id, then given up', async (_, ran) => {
  await using under = await oneTick()
  if (ran) await noteTickStarted(under.tick('10:01'), under.needs)
  expect(await under.repair()).toEqual(NOTHING)
  under.time.now += MINUTE
  const [lost] = under.queue.enqueued.splice(0)
  under.queue.states.clear()
  expect(await under.repair()).toEqual(repaired({ lost: 1 }))
  expect(await under.repair()).toEqual(NOTHING)
  expect(under.queue.enqueued).toEqual([lost])
  under.queue.states.clear()
  expect(await under.repair()).toEqual(repaired({ givenUp: 1 }))
  expect(await under.record('10:01')).toMatchObject({ state: 'failed', error: 'JOB_LOST', repairs: 1 })
  expect(await under.repair()).toEqual(NOTHING)
})

test('a job that waits, is delayed or runs is left alone however long it takes', async () => {
  await using under = await oneTick()
  for (const state of ['waiting', 'delayed', 'active'] as const) {
    under.queue.states.set(under.jobId('10:01'), { state })
    under.time.now += 2 * MINUTE
    expect(await under.repair()).toEqual(NOTHING)
  }
  expect(under.queue.calls).toBe(1)
})

test('an end that no worker could note is read from the queue, so that no schedule waits for ever', async () => {
  await using under = await oneTick()
  await noteTickStarted(under.tick('10:01'), under.needs)
  under.queue.states.set(under.jobId('10:01'), { state: 'failed', reason: 'STORE_UNAVAILABLE: away' })
  under.time.now += MINUTE
  expect(await under.repair()).toEqual(repaired({ noted: 1 }))
  expect(await under.record('10:01')).toMatchObject({ state: 'failed', error: 'STORE_UNAVAILABLE' })
})

test('a tick that others wait for is looked at however old it is', async () => {
  await using under = await openTicks()
  const skipping = [everyMinute({ policy: 'latest' }, 'skip')]
  await settleTicks(skipping, under.needs)
  under.time.now += MINUTE
  await settleTicks(skipping, under.needs)
  await noteTickStarted(under.tick('10:01'), under.needs)
  for (let minute = 0; minute < 3; minute++) {
    under.time.now += 10 * MINUTE
    await settleTicks(skipping, under.needs)
  }
  under.queue.states.set(under.jobId('10:01'), { state: 'completed' })
  expect(await repairTicks(skipping, MINUTE, under.needs)).toEqual(repaired({ noted: 1 }))
  under.time.now += MINUTE
  await settleTicks(skipping, under.needs)
  expect((await under.states()).at(-1)).toBe('10:32 enqueued')
})

test('a record that its worker has just changed is not overwritten', async () => {
  await using under = await oneTick()
  const { queue, needs } = under
  const slow = { ...needs, admin: { getJob: async (name: string, id: string) => {
    await noteTickStarted(under.tick('10:01'), needs)
    await noteTickEnded(under.tick('10:01'), undefined, needs)
    queue.states.delete(id)
    return await queue.getJob(name, id)
  } } }
  under.time.now += MINUTE
  expect(await repairTicks(jobs, WITHIN, slow)).toEqual(NOTHING)
  expect(await under.record('10:01')).toMatchObject({ state: 'done' })
})
