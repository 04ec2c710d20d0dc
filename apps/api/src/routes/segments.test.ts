import { addDays, ALL_SHARDS, dayOf } from '@tallyfleet/domain'
import { flushShards, syncCatalog, syncSegments } from '@tallyfleet/features'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

const today = dayOf(new Date(), 'UTC')
/** Eight days from a Wednesday or any other: weeks are cut at both ends. */
const range = { from: addDays(today, -10), to: addDays(today, -2) }
const before = { from: addDays(today, -18), to: range.from }
const GENRES = ['Drama', 'Comedy', 'War']

type Film = { id: string; title: string; genres: string[]; source: string; release_date: string }
const films: Film[] = Array.from({ length: 12 }, (_, n) => ({
  id: `s-${n}`, title: n === 0 ? '=0' : `Film ${n}`, genres: [GENRES[n % 3]!, ...(n % 4 === 0 ? ['Rare'] : [])],
  source: n % 2 ? 'disc' : 'tape', release_date: `19${70 + 2 * n}-05-06`,
}))
/** Film n has n + 1 views, and a download where n is even, spread over 18 days; s-99 has no row. */
const events = [...films.map(({ id }) => id), 's-99'].flatMap((film, n) => [
  ...Array.from({ length: n + 1 }, (_, at) => ({ film, action: 'view', day: addDays(today, -3 - ((at * 5 + n) % 15)) })),
  ...(n % 2 === 0 ? [{ film, action: 'download', day: addDays(today, -4) }] : []),
])

let api: TestApi
let key: string
let second: string
let admin: string
let other: string
beforeAll(async () => {
  api = await startApi({ config: { RATE_LIMIT_PER_MINUTE: 0 } })
  await api.tenant('films')
  const ingest = await api.key({ tenant: 'films' })
  key = await api.key({ tenant: 'films', scopes: ['read'] })
  second = await api.key({ tenant: 'films', scopes: ['read'] })
  admin = await api.key({ tenant: 'films', scopes: ['read', 'admin'] })
  other = await api.key({ tenant: await api.tenant('other'), scopes: ['read', 'admin'] })
  await api.stores.catalog.putRows({ tenant: 'films', domain: 'jav', entityType: 'movie' }, films.map(({ id, ...columns }) => ({ id, columns })))
  const body = events.map(({ film, action, day }) => eventOf({ entity_id: film, action, occurred_at: `${day}T12:00:00Z` }))
  expect((await api.call('POST', '/api/v1/events', { key: ingest, body })).json).toMatchObject({ accepted: events.length })
  await flushShards(ALL_SHARDS, api.needs, { jobId: 'test' })
  await syncCatalog(api.needs)
  await syncSegments(api.needs)
}, 60_000)
afterAll(() => api[Symbol.asyncDispose]())

const call = (method: string, path: string, as = key, body?: unknown) => api.call(method, `/api/v1${path}`, { key: as, body })
const draft = { name: 'Dramas', domain: 'jav', entity_type: 'movie', definition: { dimension: 'genres', in: ['Drama'] } as object }
const save = async (body: object, as = key) => (await call('POST', '/segments', as, { ...draft, ...body })).json.data
const names = async (as: string, query = '') => (await call('GET', `/segments${query}`, as)).json.data.map(({ name }: any) => name)
const viewsOf = (id: string) => events.filter(({ film, action }) => film === id && action === 'view').length
const byViews = (some: Film[]) => some.map(({ id, title }) => ({ id, title, count: viewsOf(id) })).sort((a, b) => b.count - a.count)

test('a personal segment is its owner\'s alone; a shared one is everybody\'s of the tenant, and changed by few', async () => {
  const mine = await save({ name: 'Mine' })
  expect(mine).toMatchObject({ name: 'Mine', visibility: 'personal', mine: true, entity_type: 'movie' })
  expect(await call('POST', '/segments', key, { ...draft, visibility: 'shared' })).toMatchObject({ status: 403, json: { code: 'ROLE_MISSING' } })
  const ours = await save({ name: 'Ours', visibility: 'shared' }, admin)
  expect([await names(key), await names(second), await names(other)]).toEqual([['Mine', 'Ours'], ['Ours'], []])
  expect([await names(key, '?visibility=shared'), await names(key, '?domain=web'), await names(key, '?entity_type=movie')])
    .toEqual([['Ours'], [], ['Mine', 'Ours']])

  const list = await call('GET', '/segments?format=csv')
  expect(parse(list.text, { columns: true }).map((row: any) => [row.name, row.mine, JSON.parse(row.definition)]))
    .toEqual([['Mine', 'true', draft.definition], ['Ours', 'false', draft.definition]])

  for (const path of ['', '/size', '/members']) {
    for (const [id, as] of [[mine.id, second], [mine.id, admin], [ours.id, other]]) {
      expect(await call('GET', `/segments/${id}${path}`, as), `${path} ${as}`).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
    }
  }
  expect((await call('GET', `/segments/${ours.id}`, second)).json.data).toMatchObject({ name: 'Ours', mine: false })
  expect((await call('PUT', `/segments/${mine.id}`, key, { ...draft, name: 'Renamed' })).json.data)
    .toMatchObject({ id: mine.id, name: 'Renamed', createdAt: mine.createdAt })
  expect((await call('PUT', `/segments/${ours.id}`, second, draft)).status).toBe(403)
  expect((await call('DELETE', `/segments/${ours.id}`, second)).status).toBe(403)
  expect((await call('DELETE', `/segments/${mine.id}`, other)).status).toBe(404)
  for (const [id, as] of [[mine.id, key], [ours.id, admin]]) expect((await call('DELETE', `/segments/${id}`, as)).status).toBe(200)
  expect(await names(key)).toEqual([])
})

test('nested and combined conditions, saved, have the size, leaders and members of a plain count, as CSV too', async () => {
  const definition = { all: [
    { any: [{ dimension: 'genres', in: ['Drama', 'War'] }, { dimension: 'genre', in: ['Rare'] }] },
    { not: { all: [{ dimension: 'source', in: ['disc'] }, { total: 'view', lt: 6 }] } },
    { dimension: 'release_date', gte: '1974-01-01' },
  ] }
  const holds = ({ id, genres, source, release_date }: Film) => ['Drama', 'War', 'Rare'].some((genre) => genres.includes(genre))
    && !(source === 'disc' && viewsOf(id) < 6) && release_date >= '1974-01-01'
  const expected = byViews(films.filter(holds))
  expect(expected.length).toBeGreaterThan(3)
  const { id } = await save({ name: 'Nested', definition })
  const decades = await save({ name: 'Eighties', definition: { dimension: 'decade', in: ['1980s'] } })

  const preview = (await call('POST', '/segments/preview', key, { domain: 'jav', entity_type: 'movie', definition, facets: ['genres'], overlap: { segment: decades.id } })).json.data
  const size = (await call('GET', `/segments/${id}/size?facets=genres&overlap=${decades.id}`)).json.data
  expect(size).toEqual(preview)
  const eighties = films.filter(({ release_date }) => release_date.startsWith('198'))
  const both = eighties.filter(holds).length
  expect(size).toMatchObject({
    entities: expected.length, share: expected.length / films.length, totals: { view: expected.reduce((all, { count }) => all + count, 0) },
    overlap: { entities: eighties.length, both, either: expected.length + eighties.length - both },
  })
  expect(size.top.map(({ entity_id, count }: any) => [entity_id, count])).toEqual(expected.slice(0, 10).map((one) => [one.id, one.count]))

  const pages: any[] = []
  for (let cursor = ''; ;) {
    const { json } = await call('GET', `/segments/${id}/members?limit=2${cursor && `&cursor=${cursor}`}`)
    pages.push(...json.data)
    if (!(cursor = json.page.nextCursor ?? '')) break
  }
  expect(pages.map(({ entity_id, title, count }) => ({ id: entity_id, title, count }))).toEqual(expected)
  const csv = await call('GET', `/segments/${id}/members?format=csv`)
  expect(parse(csv.text, { columns: true }).map((row: any) => [row.entity_id, row.title, Number(row.count), Number(row['totals.view'])]))
    .toEqual(expected.map(({ id: film, title, count }) => [film, title.startsWith('=') ? `'${title}` : title, count, count]))
})

test('what a segment may not be is refused where it is wrong', async () => {
  const refused = async (body: object) => {
    const { status, json } = await call('POST', '/segments', key, { ...draft, ...body })
    return [status, json.errors?.[0]?.pointer]
  }
  expect(await refused({ definition: { all: [{ dimension: 'nope', in: ['x'] }] } })).toEqual([422, '/definition/all/0/dimension'])
  expect((await refused({ definition: { dimension: 'genres' } }))[0]).toBe(422)
  expect((await refused({ name: ' ' }))[0]).toBe(422)
  expect((await refused({ entity_type: 'nope' }))[0]).toBe(422)
})

test('other reads are limited to a segment, to filters and to both, and equal a plain count', async () => {
  const { id: seg } = await save({ name: 'Drama or rare', definition: { dimension: 'genres', in: ['Drama', 'Rare'] } })
  const inSegment = ({ genres }: Film) => genres.includes('Drama') || genres.includes('Rare')
  const isTape = (film: Film) => film.source === 'tape'
  const movie = 'domain=jav&entity_type=movie'
  const days = `from=${range.from}&to=${range.to}`
  const get = async (path: string, as = key) => {
    const { status, json, text } = await call('GET', path, as)
    expect(status, `${path} ${text}`).toBe(200)
    return json.data
  }
  for (const [query, passes] of [
    [`seg=${seg}`, inSegment], ['f=source:is:tape', isTape], [`seg=${seg}&f=source:is:tape`, (film: Film) => inSegment(film) && isTape(film)],
  ] as const) {
    const kept = films.filter(passes)
    const ids = new Set(kept.map(({ id }) => id))
    const found = (action: string, { from, to }: typeof range) =>
      events.filter((event) => ids.has(event.film) && event.action === action && event.day >= from && event.day < to)
    const counts = (action: string, days: typeof range) => Object.entries(Object.groupBy(found(action, days), ({ film }) => film))
      .map(([film, all]) => [film, all!.length] as const).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    expect(found('view', range).length).toBeGreaterThan(5)

    const overview = await get(`/overview?${movie}&${days}&cmp=prev&${query}`)
    for (const action of ['view', 'download']) {
      const shown = overview.actions.find((one: any) => one.action === action)
      expect(shown).toMatchObject({ value: found(action, range).length, previous: found(action, before).length })
      expect(shown.active.value).toBe(counts(action, range).length)
      expect(shown.spark.map(({ count }: any) => count)).toEqual(
        Array.from({ length: 8 }, (_, n) => found(action, range).filter(({ day }) => day === addDays(range.from, n)).length))
      expect(overview.snapshot.totals[action]).toBe(events.filter((event) => ids.has(event.film) && event.action === action).length)
    }
    expect(overview.active.value).toBe(new Set(['view', 'download'].flatMap((action) => found(action, range)).map(({ film }) => film)).size)
    expect(overview.snapshot).toMatchObject({ catalogRows: kept.length, entities: kept.length })

    expect((await get(`/entities/top?${movie}&action=view&${days}&${query}`)).map((one: any) => [one.entity_id, one.count])).toEqual(counts('view', range))
    const first = await call('GET', `/entities/top?${movie}&action=view&limit=1&${query}`)
    const next = await call('GET', `/entities/top?${movie}&action=view&limit=1&cursor=${first.json.page.nextCursor}&${query}`)
    expect([...first.json.data, ...next.json.data].map((one: any) => one.entity_id)).toEqual(byViews(kept).slice(0, 2).map(({ id }) => id))
    expect((await call('GET', `/entities/top?${movie}&action=view&limit=1&cursor=${first.json.page.nextCursor}`)).status).toBe(422)

    for (const interval of ['day', 'week', 'month', 'year']) {
      const points = await get(`/timeseries?${movie}&action=view&interval=${interval}&${days}&${query}`)
      expect(points.reduce((all: number, { count }: any) => all + count, 0), interval).toBe(found('view', range).length)
      const [trend] = await get(`/trends?${movie}&action=view&interval=${interval}&${days}&cmp=prev&${query}`)
      expect(trend.points.map(({ bucket, count }: any) => ({ bucket, count }))).toEqual(points)
      expect(trend.total).toMatchObject({ value: found('view', range).length, previous: found('view', before).length })
    }
    const movers = await get(`/entities/movers?${movie}&action=view&${days}&${query}`)
    expect(movers.length).toBeGreaterThan(0)
    for (const { entity_id } of movers) expect(ids).toContain(entity_id)
    expect((await get(`/distributions?${movie}&action=view&${days}&${query}`)).spread).toMatchObject({ entities: counts('view', range).length, sum: found('view', range).length })
    const sources = await get(`/dimensions/source/top?${movie}&${days}&${query}`)
    expect(sources.map(({ value, entities }: any) => [value, entities]).sort())
      .toEqual(Object.entries(Object.groupBy(kept, ({ source }) => source)).map(([source, all]) => [source, all!.length]).sort())
  }

  for (const path of ['/overview?domain=jav', `/entities/top?${movie}&action=view`, `/timeseries?${movie}&action=view&interval=day&${days}`, `/trends?${movie}&${days}`]) {
    expect(await call('GET', `${path}&seg=${seg}`, second), path).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
    expect((await call('GET', `${path}&seg=${seg}`, other)).status, path).toBe(404)
  }
  for (const [path, pointer] of [
    [`/entities/top?domain=jav&entity_type=actor&action=view&seg=${seg}`, '/seg'], [`/entities/top?${movie}&action=view&seg=a/b`, '/seg'],
    [`/timeseries?${movie}&action=view&interval=day&${days}&entity_id=s-1&seg=${seg}`, '/seg'],
    [`/trends?${movie}&${days}&entity_id=s-1&f=source:is:tape`, '/f'],
    [`/timeseries?${movie}&action=view&interval=year&from=2020-01-01&to=2025-01-01&f=source:is:tape`, '/to'],
  ] as const) {
    const { status, json } = await call('GET', path)
    expect([status, json.errors[0].pointer], path).toEqual([422, pointer])
  }
})
