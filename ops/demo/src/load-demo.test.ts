import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listTopEntities, readLedger } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { startPrivateRedis } from '@tallyfleet/testing'
import { expect, onTestFinished, test } from 'vitest'
import { findDemoState, loadDemo, readFilms, trafficOf } from './index.ts'

const size = { films: 40, eventsADay: 60, days: 4 }

async function openBench(now: { at: Date }) {
  const home = await mkdtemp(join(tmpdir(), 'fleet-demo-test-'))
  const redis = await startPrivateRedis()
  const stores = await openStores(storesConfig.parse({ FLEET_HOME: home, REDIS_URL: redis.url, FREEZE_SETTLE_MS: 0 }), { packs, log: silentLog })
  onTestFinished(async () => {
    await stores[Symbol.asyncDispose]()
    await redis.stop()
    await rm(home, { recursive: true, force: true })
  })
  return { ...stores, packs, log: silentLog, clock: { now: () => now.at } }
}

const expected = (until: Date) => {
  const eventsOfDay = trafficOf(readFilms(size.films), size)
  return Array.from({ length: size.days }, (_, ago) => new Date(until.getTime() - ago * 86_400_000).toISOString().slice(0, 10))
    .flatMap(eventsOfDay).filter(({ occurred_at }) => occurred_at < until.toISOString())
}

test('a load fills every store, a second one counts nothing, and a later one what came since', { timeout: 120_000 }, async () => {
  const now = { at: new Date('2026-11-21T15:30:00Z') }
  const needs = await openBench(now)
  const of = { tenant: 'default', zone: 'UTC' }
  const first = expected(now.at)
  expect(await loadDemo(of, needs, { size })).toMatchObject({ events: first.length, duplicates: 0 })
  expect(await loadDemo(of, needs, { size })).toMatchObject({ events: 0, duplicates: first.length })
  expect(await findDemoState('default', needs)).toMatchObject({ state: 'loaded', loadedAt: now.at.toISOString() })

  now.at = new Date('2026-11-22T09:00:00Z')
  const later = expected(now.at)
  const known = new Set(first.map((event) => JSON.stringify(event)))
  const added = later.filter((event) => !known.has(JSON.stringify(event)))
  expect(added.length).toBeGreaterThan(0)
  expect(await loadDemo(of, needs, { size })).toMatchObject({ events: added.length })
  expect(await readLedger({}, needs)).toMatchObject({ counted: first.length + added.length, pending: 0, balanced: true })

  const tenant = { id: 'default', zone: 'UTC', createdAt: now.at }
  const { entries: [best] } = await listTopEntities(tenant, { domain: 'jav', entityType: 'movie', action: 'view', limit: 1 }, needs)
  const views = [...first, ...added].filter((event) => event.entity_type === 'movie' && event.action === 'view' && event.entity_id === best!.entityId)
  expect(best).toMatchObject({ count: views.length, title: expect.any(String) })
  const documents = await needs.segments.count({ tenant: 'default', domain: 'jav', entityType: 'movie' }, [])
  expect(documents).toBe(size.films)
})

test('a day is the same whenever it is made, and its first hours are the start of the whole', () => {
  const eventsOfDay = trafficOf(readFilms(), { eventsADay: 500 })
  const day = eventsOfDay('2026-11-20')
  expect(day).toEqual(trafficOf(readFilms(), { eventsADay: 500 })('2026-11-20'))
  expect(day.map(({ occurred_at }) => occurred_at)).toEqual(day.map(({ occurred_at }) => occurred_at).sort())
  expect(day.every(({ occurred_at }) => occurred_at.startsWith('2026-11-20T'))).toBe(true)
})

test('traffic has weekends, evenings, and few films that most of it goes to', () => {
  const eventsOfDay = trafficOf(readFilms())
  const days = Array.from({ length: 28 }, (_, index) => new Date(Date.UTC(2026, 9, 5 + index)).toISOString().slice(0, 10)) // from a Monday on
  const events = days.map(eventsOfDay)
  const mean = (weekdays: number[]) => {
    const lengths = events.filter((_, index) => weekdays.includes(index % 7)).map(({ length }) => length)
    return lengths.reduce((sum, length) => sum + length, 0) / lengths.length
  }
  expect(mean([5, 6])).toBeGreaterThan(1.2 * mean([0, 1, 2, 3]))
  const all = events.flat()
  const at = (hour: string) => all.filter(({ occurred_at }) => occurred_at.slice(11, 13) === hour).length
  expect(at('20')).toBeGreaterThan(4 * at('04'))
  const counts = [...Map.groupBy(all, ({ entity_id }) => entity_id).values()].map(({ length }) => length).sort((a, b) => b - a)
  const share = (of: number) => counts.slice(0, of).reduce((sum, count) => sum + count, 0) / all.length
  expect(share(counts.length / 10)).toBeGreaterThan(0.4)
  expect(share(10)).toBeLessThan(0.4)
})

test('each film has an id of its own, and a title that people can read', () => {
  const { movie, actor, tag } = readFilms()
  for (const rows of [movie, actor, tag]) expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  expect(movie.length).toBeGreaterThan(3_000)
  expect(movie.find(({ id }) => id === 'leon-1994')).toMatchObject({ title: 'Léon', release_date: '1994-11-18' })
  expect(movie.every(({ release_date }) => release_date === null || String(release_date) < '2012')).toBe(true)
})

test('a load that ends early says so, and the next one goes on', { timeout: 60_000 }, async () => {
  const now = { at: new Date('2026-11-21T15:30:00Z') }
  const needs = await openBench(now)
  const of = { tenant: 'default', zone: 'UTC' }
  const stop = new AbortController()
  const onProgress = () => stop.abort()
  await expect(loadDemo(of, needs, { size, signal: stop.signal, onProgress })).rejects.toThrow()
  expect(await findDemoState('default', needs)).toMatchObject({ state: 'broken', loadedAt: null })
  const whole = expected(now.at)
  const { events, duplicates } = await loadDemo(of, needs, { size })
  expect(events + duplicates).toBe(whole.length)
  expect(await readLedger({}, needs)).toMatchObject({ counted: whole.length, pending: 0, balanced: true })
})
