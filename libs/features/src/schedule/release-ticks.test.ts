import type { Journal, OverlapPolicy } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { noteTickEnded, noteTickStarted } from './note-tick.ts'
import { releaseTicks } from './release-ticks.ts'
import { settleTicks } from './settle-ticks.ts'
import { everyMinute, MINUTE, openTicks } from './ticks-under-test.fixture.ts'

/** Three minutes of a schedule whose first tick runs on and on; rounds as a scheduler makes them. */
async function overlapping(overlap: OverlapPolicy) {
  const under = await openTicks()
  const jobs = [everyMinute({ policy: 'latest' }, overlap)]
  const minute = async () => {
    under.time.now += MINUTE
    await round()
  }
  const round = async () => {
    await settleTicks(jobs, under.needs)
    return await releaseTicks(jobs, under.needs)
  }
  await settleTicks(jobs, under.needs)
  await minute()
  const first = under.tick('10:01')
  await noteTickStarted(first, under.needs)
  under.queue.states.set(under.jobId('10:01'), { state: 'active' })
  await minute()
  await minute()
  return { ...under, jobs, minute, round, end: (clock: string, error?: string) => noteTickEnded(under.tick(clock), error, under.needs) }
}

test('allow: a tick starts beside one that runs', async () => {
  await using under = await overlapping('allow')
  expect(await under.states()).toEqual(['10:01 running', '10:02 enqueued', '10:03 enqueued'])
})

test('skip: a tick is left out while an earlier one has not ended, and the next one after that starts', async () => {
  await using under = await overlapping('skip')
  expect(await under.states()).toEqual(['10:01 running', '10:02 skipped', '10:03 skipped'])
  expect(await under.record('10:02')).toMatchObject({ reason: 'overlap', backfilled: false })
  await under.end('10:01', 'STORE_UNAVAILABLE')
  await under.minute()
  expect((await under.states()).at(-1)).toBe('10:04 enqueued')
})

test('bufferOne: one tick waits for the end of the earlier one, the others are left out', async () => {
  await using under = await overlapping('bufferOne')
  expect(await under.states()).toEqual(['10:01 running', '10:02 buffered', '10:03 skipped'])
  expect(await under.round()).toBe(0)
  await under.end('10:01')
  expect(await under.round()).toBe(1)
  expect(await under.round()).toBe(0)
  expect(await under.states()).toEqual(['10:01 done', '10:02 enqueued', '10:03 skipped'])
  await under.minute()
  expect((await under.states()).at(-1)).toBe('10:04 buffered')
})

test('cancelOther: the newest tick cancels the one that runs, and starts once that has ended', async () => {
  await using under = await overlapping('cancelOther')
  expect(await under.states()).toEqual(['10:01 running', '10:02 skipped', '10:03 buffered'])
  expect(new Set(under.queue.cancelled)).toEqual(new Set([under.jobId('10:01')]))
  await under.end('10:01', 'JOB_CANCELLED')
  await under.round()
  expect(await under.states()).toEqual(['10:01 failed', '10:02 skipped', '10:03 enqueued'])
  // One that only waits has no worker that could note its end.
  await under.minute()
  await under.round()
  expect(await under.states()).toEqual(['10:01 failed', '10:02 skipped', '10:03 failed', '10:04 enqueued'])
  expect(await under.record('10:03')).toMatchObject({ error: 'JOB_CANCELLED', runs: 0 })
})

test.each<OverlapPolicy>(['skip', 'bufferOne', 'cancelOther'])('%s: two schedulers never let two ticks of a schedule run', async (overlap) => {
  await using under = await openTicks()
  const jobs = [everyMinute({ policy: 'all', max: 5 }, overlap)]
  const schedulers = [under.needs, { ...under.needs, journal: await under.openJournal() }]
  await settleTicks(jobs, under.needs)
  const started = new Set<string>()
  for (let round = 0; round < 60; round++) {
    under.time.now += (round * 7_919) % 140_000
    await Promise.all(schedulers.map((needs) => settleTicks(jobs, needs)))
    await Promise.all(schedulers.map((needs) => releaseTicks(jobs, needs)))
    const live = (await under.records()).filter(({ state }) => state === 'claimed' || state === 'enqueued' || state === 'running')
    expect(live.length).toBeLessThanOrEqual(1)
    for (const { nominalAt } of live) {
      started.add(nominalAt)
      if (round % 3 === 0) await noteTickEnded({ schedule: 'report', nominalAt: new Date(nominalAt) }, undefined, under.needs)
    }
  }
  expect(started.size).toBeGreaterThan(10)
  expect(under.queue.calls).toBe(under.queue.enqueued.length)
})

test('a buffered tick survives a release that forgets the policy', async () => {
  await using under = await overlapping('bufferOne')
  under.jobs[0] = everyMinute({ policy: 'latest' })
  await under.round()
  await under.end('10:01')
  await under.round()
  expect(await under.states()).toEqual(['10:01 done', '10:02 enqueued', '10:03 skipped'])
})

test('a scheduler that comes late to a tick knows that another one has started it', async () => {
  await using under = await overlapping('skip')
  const { needs, jobs, journal } = under
  const wrapped = (changes: Partial<Journal>): Journal => Object.assign(Object.create(journal) as Journal, {
    claim: journal.claim.bind(journal), swap: journal.swap.bind(journal), find: journal.find.bind(journal), list: journal.list.bind(journal), ...changes,
  })
  // It starts the tick, and dies before it can tell the schedule.
  const dying = wrapped({ swap: async (kind, ...args) => {
    if (kind === 'schedule') throw new Error('killed')
    return await journal.swap(kind, ...args)
  } })
  // It saw the first tick run; it ends, and the other one is faster, before this one can say that the next is left out.
  const slow = wrapped({ claim: async (...args) => {
    await under.end('10:01')
    await expect(settleTicks(jobs, { ...needs, journal: dying })).rejects.toThrow('killed')
    return await journal.claim(...args)
  } })
  under.time.now += MINUTE
  await settleTicks(jobs, { ...needs, journal: slow })
  await under.minute()
  expect((await under.states()).slice(-2)).toEqual(['10:04 enqueued', '10:05 skipped'])
})
