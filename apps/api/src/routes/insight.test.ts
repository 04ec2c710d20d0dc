import { addDays, ALL_SHARDS, dayOf } from '@tallyfleet/domain'
import { flushShards, syncCatalog, syncSegments } from '@tallyfleet/features'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

const DAYS = 14
const today = dayOf(new Date(), 'UTC')
const tomorrow = addDays(today, 1)
/** The last day is over: its period is closed once a flush has passed it. */
const range = { from: addDays(today, -DAYS), to: today }
const before = { from: addDays(range.from, -DAYS), to: range.from }
const GENRES = ['Drama', 'Comedy', 'Noir', 'War']

type Film = { id: string; title: string; genres: string[]; actors: string[]; release_date: string | null; source: string; images: string[] }
type Counted = { film: string; action: 'view' | 'download'; day: string }

/** Numbers that look random and are the same each time (Lehmer's generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below
}

const films: Film[] = Array.from({ length: 24 }, (_, n) => ({
  id: `f/${n}`, title: n === 3 ? '=1+1' : `Film ${n}`, genres: [GENRES[n % 4]!, ...(n % 3 === 0 ? ['Rare'] : [])],
  actors: [`a-${n % 5}`], release_date: n % 6 === 5 ? null : `19${50 + n}-03-04`, source: n % 2 ? 'disc' : 'tape',
  images: n % 4 ? ['x.jpg'] : [],
}))
const filmOf = new Map(films.map((film) => [film.id, film]))
const random = numbers(20_261_121)
const events: Counted[] = Array.from({ length: 3_000 }, () => ({
  film: `f/${Math.min(random(26), random(26))}`, action: random(5) === 0 ? 'download' : 'view',
  day: addDays(today, -random(2 * DAYS)),
}))
// One entity rises, one fades, one converts; two have no catalog row.
for (let n = 0; n < 60; n++) events.push({ film: 'f/20', action: 'view', day: range.from }, { film: 'f/21', action: 'view', day: before.from })
for (let n = 0; n < 120; n++) events.push({ film: 'f/2', action: 'download', day: range.from })

/** Independent of the engine: how often `keep` holds, by `key`. */
function tally(keep: (event: Counted) => boolean, keys: (event: Counted) => string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const event of events.filter(keep)) for (const key of keys(event)) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
const within = ({ from, to }: { from: string; to: string }) => ({ day }: Counted) => day >= from && day < to
const views = (days: { from: string; to: string }) => tally((event) => within(days)(event) && event.action === 'view', ({ film }) => [film])
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0)
const descending = (counts: Record<string, number>) =>
  Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))

let api: TestApi
let key: string
let admin: string
let other: string
beforeAll(async () => {
  api = await startApi({ config: { RATE_LIMIT_PER_MINUTE: 0 } })
  await api.tenant('insight')
  const ingest = await api.key({ tenant: 'insight' })
  key = await api.key({ tenant: 'insight', scopes: ['read'] })
  admin = await api.key({ tenant: 'insight', scopes: ['read', 'admin'] })
  other = await api.key({ tenant: await api.tenant('other'), scopes: ['read'] })
  const catalog = { tenant: 'insight', domain: 'jav' }
  await api.stores.catalog.putRows({ ...catalog, entityType: 'movie' }, films.map(({ id, ...columns }) => ({ id, columns })))
  await api.stores.catalog.putRows({ ...catalog, entityType: 'actor' }, [{ id: 'a-1', columns: { name: 'Ann One' } }])
  for (let at = 0; at < events.length; at += 1_000) {
    const body = events.slice(at, at + 1_000).map(({ film, action, day }) =>
      eventOf({ entity_id: film, action, occurred_at: `${day}T00:00:00Z` }))
    const { json } = await api.call('POST', '/api/v1/events', { key: ingest, body })
    expect(json).toMatchObject({ accepted: body.length })
    if (at === 0) await api.call('POST', '/api/v1/events', { key: ingest, body: [body[0], body[1], { nonsense: true }] })
  }
  await flushShards(ALL_SHARDS, api.needs, { jobId: 'test' })
  await syncCatalog(api.needs)
  await syncSegments(api.needs)
}, 60_000)
afterAll(() => api[Symbol.asyncDispose]())

const get = async (path: string, parameters: Record<string, string | string[]> = {}, as = key, headers = {}) => {
  const query = new URLSearchParams({ domain: 'jav' })
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) name === 'domain' ? query.set(name, one) : query.append(name, one)
  }
  return api.call('GET', `/api/v1${path}?${query}`, { key: as, headers })
}
const data = async (path: string, parameters: Record<string, string | string[]> = {}) => {
  const { status, json, text } = await get(path, parameters)
  expect(status, text).toBe(200)
  return json.data
}
const movie = { entity_type: 'movie' }
const movieViews = { ...movie, action: 'view' }

test('the overview equals a count of the events, and so does what it is compared with', async () => {
  const overview = await data('/overview', { ...range, cmp: 'prev' })
  expect(overview).toMatchObject({ entity_type: 'movie', zone: 'UTC', range, compare: { ...before, kind: 'prev' }, pending: 0 })
  for (const action of ['view', 'download'] as const) {
    const shown = overview.actions.find((one: any) => one.action === action)
    const [now, then] = [range, before].map((days) => tally((event) => within(days)(event) && event.action === action, ({ film }) => [film]))
    expect(shown).toMatchObject({ value: sum(now!), previous: sum(then!), change: (sum(now!) - sum(then!)) / sum(then!) })
    expect(shown.active).toMatchObject({ value: Object.keys(now!).length, previous: Object.keys(then!).length })
    const byDay = tally((event) => within(range)(event) && event.action === action, ({ day }) => [day])
    expect(Object.fromEntries(shown.spark.map(({ bucket, count }: any) => [bucket, count])))
      .toEqual(Object.fromEntries(Array.from({ length: DAYS }, (_, n) => addDays(range.from, n)).map((day) => [day, byDay[day] ?? 0])))
    expect(overview.snapshot.totals[action]).toBe(events.filter((event) => event.action === action).length)
  }
  expect(overview.active.value).toBe(new Set(events.filter(within(range)).map(({ film }) => film)).size)
  expect(overview.snapshot).toMatchObject({ entities: new Set(events.map(({ film }) => film)).size, catalogRows: films.length })
  const arrived = await data('/overview', { from: today, to: tomorrow })
  expect(arrived.quality).toMatchObject({ received: { value: events.length + 3 }, duplicates: { value: 2 }, rejected: { value: 1 } })
  expect((await data('/overview', { from: addDays(today, -100) })).quality).toBeNull()
})

test('movers stand by their score, with both counts and ranks', async () => {
  const [now, then] = [views(range), views(before)]
  const ranks = (counts: Record<string, number>) => Object.fromEntries(descending(counts).map(([id], index) => [id, index + 1]))
  const expected = [...new Set([...Object.keys(now), ...Object.keys(then)])].map((id) => {
    const [count, previous] = [now[id] ?? 0, then[id] ?? 0]
    return {
      entity_id: id, title: filmOf.get(id)?.title ?? null, count, previous, difference: count - previous,
      change: previous ? (count - previous) / previous : null, score: (count - previous) / Math.sqrt(count + previous),
      rank: ranks(now)[id] ?? null, previousRank: ranks(then)[id] ?? null,
    }
  }).filter(({ score }) => score !== 0)
    .sort((a, b) => Math.abs(b.score) - Math.abs(a.score) || (a.entity_id < b.entity_id ? -1 : 1))
  expect(await data('/entities/movers', { ...movieViews, ...range })).toEqual(expected)
  expect(await data('/entities/movers', { ...movieViews, ...range, direction: 'up' })).toEqual(expected.filter(({ score }) => score > 0))
  expect((await data('/entities/movers', { ...movieViews, ...range, f: 'genre:is:Noir' })).map((one: any) => one.entity_id))
    .toEqual(expected.map(({ entity_id }) => entity_id).filter((id) => filmOf.get(id)?.genres.includes('Noir')))
})

test('top lists take filters and comparisons, and page as a whole list', async () => {
  const all = descending(views(range))
  const [first] = await data('/entities/top', { ...movieViews, ...range, cmp: 'prev', limit: '1' })
  expect(first).toMatchObject({ entity_id: all[0]![0], count: all[0]![1], previous: views(before)[all[0]![0]], rank: 1 })

  const keep = ([id]: [string, number]) => filmOf.get(id)?.source !== 'disc' && (filmOf.get(id)?.title.toLowerCase() ?? '').includes('lm 1')
  const f = ['source:not:disc', 'title:contains:LM 1']
  const pages: string[] = []
  for (let cursor: string | undefined; ;) {
    const { json } = await get('/entities/top', { ...movieViews, ...range, f, limit: '2', ...(cursor && { cursor }) })
    pages.push(...json.data.map((one: any) => one.entity_id))
    if (!(cursor = json.page.nextCursor)) break
  }
  expect(pages).toEqual(all.filter(keep).map(([id]) => id))
  expect(pages.length).toBeGreaterThan(3)
  expect((await data('/entities/top', { ...movieViews, f: 'genres:is:' })).map((one: any) => one.entity_id).sort()).toEqual(['f/24', 'f/25'])
})

test('trends hold a series for each action and entity beside the compared one', async () => {
  const trends = await data('/trends', { ...movie, ...range, action: ['view', 'download'], entity_id: ['f/0', 'f/20'], cmp: 'prev,wd' })
  expect(trends).toHaveLength(4)
  for (const { action, entity_id, title, total, points } of trends) {
    const count = (day: string) => events.filter((event) => event.film === entity_id && event.action === action && event.day === day).length
    expect(title).toBe(filmOf.get(entity_id)!.title)
    expect(points).toEqual(Array.from({ length: DAYS }, (_, n) => addDays(range.from, n)).map((bucket) => ({
      bucket, count: count(bucket), previousBucket: addDays(bucket, -DAYS), previous: count(addDays(bucket, -DAYS)),
    })))
    expect(total.value).toBe(points.reduce((all: number, point: any) => all + point.count, 0))
  }
  expect((await data('/trends', { ...movie, ...range })).map((one: any) => [one.action, one.entity_id, one.total.value]))
    .toEqual(['view', 'download'].map((action) => [action, null, events.filter((event) => within(range)(event) && event.action === action).length]))
})

test('distributions hold nearest-rank percentiles, and every entity in one bin', async () => {
  const counts = Object.values(views(range)).sort((a, b) => a - b)
  const { spread, buckets } = await data('/distributions', { ...movieViews, ...range })
  const least = (p: number) => counts.find((count) => counts.filter((one) => one <= count).length >= (p / 100) * counts.length)
  expect(spread).toEqual({
    entities: counts.length, sum: sum(views(range)), min: counts[0], p50: least(50), p90: least(90), p99: least(99),
    max: counts.at(-1), mean: sum(views(range)) / counts.length,
  })
  expect(buckets.map(({ from, to, entities }: any) => [from, to, entities]))
    .toEqual(buckets.map(({ from, to }: any) => [from, to, counts.filter((count) => count >= from && count < to).length]))
  expect(buckets.reduce((all: number, { entities }: any) => all + entities, 0)).toBe(counts.length)
})

const valuesBy: Record<string, (film: Film | undefined) => string[]> = {
  genre: (film) => film?.genres ?? [], actor: (film) => film?.actors ?? [], source: (film) => (film ? [film.source] : []),
  decade: (film) => (film?.release_date ? [`${film.release_date.slice(0, 3)}0s`] : []),
}

test.each(Object.keys(valuesBy))('the groups of %s equal a count of the events and the films', async (by) => {
  const values = valuesBy[by]!
  const { buckets, spread } = await data('/distributions', { ...movieViews, ...range, by })
  const expected = tally((event) => within(range)(event) && event.action === 'view', ({ film }) => {
    const held = values(filmOf.get(film))
    return held.length > 0 ? held : ['null']
  })
  expect(Object.fromEntries(buckets.map((bucket: any) => [String(bucket.value), bucket.sum]))).toEqual(expected)
  expect(buckets[0].share).toBeCloseTo(buckets[0].sum / spread.sum)

  const top = await data(`/dimensions/${by}/top`, { ...movie, ...range, cmp: 'prev' })
  const of = (days: typeof range, action: string) => tally((event) => within(days)(event) && event.action === action, ({ film }) => values(filmOf.get(film)))
  expect(top.map(({ value, counts }: any) => [value, counts.view])).toEqual(descending(of(range, 'view')))
  for (const { value, entities, active, counts, previous } of top) {
    const holders = films.filter((film) => values(film).includes(value))
    expect(entities).toBe(holders.length)
    expect(active).toBe(holders.filter(({ id }) => events.some((event) => event.film === id && within(range)(event))).length)
    expect(counts.download).toBe(of(range, 'download')[value] ?? 0)
    expect(previous).toEqual({ view: of(before, 'view')[value] ?? 0, download: of(before, 'download')[value] ?? 0 })
  }
})

test('values that name entities of another type have their titles', async () => {
  const top = await data('/dimensions/actors/top', movie)
  expect(Object.fromEntries(top.map(({ value, title }: any) => [value, title]))).toMatchObject({ 'a-1': 'Ann One', 'a-2': null })
  expect((await data('/dimensions', movie)).map(({ name }: any) => name)).toEqual(expect.arrayContaining(['title', 'genres', 'actors', 'source', 'decade']))
})

test('each suggestion names its rule, and holds it', async () => {
  const all = await data('/suggestions', { ...movie, ...range, limit: '500' })
  const ids = (rule: string) => all.filter((one: any) => one.rule.id === rule).map((one: any) => one.entity_id).sort()
  const [now, then] = [views(range), views(before)]
  expect(ids('promote.rising')).toEqual(Object.keys(now).filter((id) => now[id]! >= 20 && now[id]! >= 2 * (then[id] ?? 0)).sort())
  expect(ids('promote.rising')).toContain('f/20')
  expect(ids('promote.faded')).toContain('f/21')
  expect(ids('promote.converting')).toContain('f/2')
  expect(ids('fix.missing.images')).toEqual(films.filter(({ id, images }) => images.length === 0 && now[id]).map(({ id }) => id).sort())
  expect(ids('fix.no_row')).toEqual(['f/24', 'f/25'].filter((id) => now[id]))
  expect(all.map(({ score }: any) => score)).toEqual(all.map(({ score }: any) => score).toSorted((a: number, b: number) => b - a))
  expect((await data('/suggestions', { ...movie, ...range, kind: 'fix' })).every((one: any) => one.kind === 'fix')).toBe(true)
})

test('an entity has its rank, share and series', async () => {
  const id = 'f/20'
  const { ranks } = await data(`/entities/jav/movie/${encodeURIComponent(id)}`)
  const totals = tally(({ action }) => action === 'view', ({ film }) => [film])
  expect(ranks.find((one: any) => one.action === 'view')).toEqual({
    action: 'view', rank: descending(totals).findIndex(([film]) => film === id) + 1, entities: Object.keys(totals).length,
    share: totals[id]! / sum(totals),
  })
  const entities = await data('/entities/compare', { ...movie, ...range, entity_id: [id, 'f/1'] })
  for (const { entity_id, actions } of entities) {
    const counts = views(range)
    expect(actions[0]).toMatchObject({
      action: 'view', total: { value: counts[entity_id] }, rank: descending(counts).findIndex(([film]) => film === entity_id) + 1,
      entities: Object.keys(counts).length, share: counts[entity_id]! / sum(counts),
    })
  }
  const { json } = await api.call('GET', `/api/v1/entities/jav/movie/${encodeURIComponent(id)}?from=${range.from}&to=${range.to}&cmp=prev`, { key })
  expect(json.data.insight).toMatchObject({ range, compare: before })
  expect(json.data.insight.actions[0]).toMatchObject({ ...entities[0].actions[0], total: { previous: views(before)[id] } })
})

test('related entities share values, rare ones first', async () => {
  const related = (await api.call('GET', '/api/v1/entities/jav/movie/f%2F0/related?by=genre&limit=100', { key })).json.data
  const rarity = (genre: string) => Math.log(films.length / films.filter(({ genres }) => genres.includes(genre)).length)
  const expected = films.filter(({ id }) => id !== 'f/0')
    .map(({ id, genres }) => ({ id, score: genres.filter((genre) => films[0]!.genres.includes(genre)).reduce((all, genre) => all + rarity(genre), 0) }))
    .filter(({ score }) => score > 0)
  expect(Object.fromEntries(related.map((one: any) => [one.entity_id, one.score.toFixed(9)])))
    .toEqual(Object.fromEntries(expected.map(({ id, score }) => [id, score.toFixed(9)])))
  expect(related[0].totals.view).toBe(tally(({ action }) => action === 'view', ({ film }) => [film])[related[0].entity_id])
})

test('an export holds the rows of the list, formulas made harmless', async () => {
  for (const [path, parameters] of [
    ['/entities/top', { ...movieViews, ...range, cmp: 'prev', limit: '5' }], ['/entities/movers', { ...movieViews, ...range }],
    ['/dimensions/genre/top', { ...movie, ...range }], ['/distributions', { ...movieViews, by: 'genre' }],
    ['/suggestions', { ...movie, ...range }],
  ] as const) {
    const json = (await get(path, parameters)).json
    const csv = await get(path, { ...parameters, format: 'csv' })
    expect(csv.headers.get('content-type')).toMatch(/^text\/csv/)
    expect((await get(path, parameters, key, { accept: 'text/csv' })).text).toBe(csv.text)
    const rows = parse(csv.text, { columns: true }) as Record<string, string>[]
    const list = Array.isArray(json.data) ? json.data : json.data.buckets
    expect(rows).toHaveLength(list.length)
    for (const [index, row] of rows.entries()) {
      for (const [name, value] of Object.entries(list[index])) {
        if (typeof value === 'object' && value !== null) continue
        expect(row[name], `${path} ${name}`).toBe(value === '=1+1' ? "'=1+1" : String(value ?? ''))
      }
    }
    if (json.page.nextCursor) expect(csv.headers.get('link')).toContain(`cursor=${json.page.nextCursor}`)
  }
  const whole = (await get('/entities/top', { ...movieViews, format: 'csv' })).text
  expect(whole.split('\r\n')[0]).toMatch(/^entity_id,title,count/)
  expect(whole).toContain("'=1+1")
})

test('a closed period is answered 304 while it stays the same; an open one is not kept', async () => {
  const first = await get('/entities/top', { ...movieViews, ...before })
  const etag = first.headers.get('etag')!
  expect(first.json.meta.partial).toBe(false)
  expect(first.headers.get('cache-control')).toBe('private, no-cache')
  const again = await get('/entities/top', { ...movieViews, ...before }, key, { 'if-none-match': etag })
  expect([again.status, again.text]).toEqual([304, ''])
  expect((await get('/entities/top', { ...movieViews, ...before, format: 'csv' }, key, { 'if-none-match': etag })).status).toBe(200)
  expect((await get('/entities/top', { ...movieViews, ...before }, other, { 'if-none-match': etag })).status).toBe(200)
  const open = await get('/entities/top', { ...movieViews, from: today })
  expect([open.headers.get('etag'), open.headers.get('cache-control')]).toEqual([null, 'no-store'])
})

test('another tenant sees none of it', async () => {
  expect((await get('/overview', range, other)).json.data).toMatchObject({ active: { value: 0 }, snapshot: { entities: 0, catalogRows: 0 } })
  for (const path of ['/entities/movers', '/suggestions', '/dimensions/genre/top']) {
    expect((await get(path, { ...(path.includes('movers') ? movieViews : movie), ...range }, other)).json.data, path).toEqual([])
  }
})

test('what a person or key saves is theirs, unless it is shared; sharing needs more than reading', async () => {
  const call = async (method: string, path: string, as: string, body?: unknown) => api.call(method, `/api/v1${path}`, { key: as, body })
  const view = { name: 'Mine', page: '/content', query: 'cmp=prev' }
  const mine = (await call('POST', '/views', key, view)).json.data
  expect(mine).toMatchObject({ ...view, visibility: 'personal', pinned: false, mine: true })
  expect(await call('POST', '/views', key, { ...view, visibility: 'shared' })).toMatchObject({ status: 403, json: { code: 'SCOPE_MISSING' } })
  const shared = (await call('POST', '/views', admin, { ...view, name: 'Ours', visibility: 'shared' })).json.data
  const names = async (as: string) => (await call('GET', '/views', as)).json.data.map((one: any) => one.name)
  expect([await names(key), await names(admin), await names(other)]).toEqual([['Mine', 'Ours'], ['Ours'], []])

  expect((await call('PUT', `/views/${mine.id}`, key, { ...view, name: 'Renamed' })).json.data).toMatchObject({ name: 'Renamed', createdAt: mine.createdAt })
  expect(await call('PUT', `/views/${mine.id}`, admin, view)).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
  expect(await call('DELETE', `/views/${shared.id}`, key)).toMatchObject({ status: 403 })
  expect(await call('DELETE', `/views/${shared.id}`, other)).toMatchObject({ status: 404 })
  expect((await call('DELETE', `/views/${shared.id}`, admin)).status).toBe(200)
  expect(await names(key)).toEqual(['Renamed'])
  for (const wrong of [{ page: '//evil.example' }, { page: 'https://evil.example' }, { query: 'a b' }, { name: ' ' }, { visibility: 'all' }]) {
    expect(await call('POST', '/views', key, { ...view, ...wrong }), JSON.stringify(wrong)).toMatchObject({ status: 422 })
  }
})

test('notes are found by the days that they touch', async () => {
  const note = async (body: object) => api.call('POST', '/api/v1/annotations', { key: admin, body: { visibility: 'shared', ...body } })
  await note({ at: `${before.from}T10:00:00Z`, until: `${range.from}T00:00:00Z`, title: 'span' })
  await note({ at: `${before.from}T09:00:00+01:00`, title: 'moment', link: 'https://example.org/1' })
  const titles = async (query: string) => (await api.call('GET', `/api/v1/annotations?${query}`, { key })).json.data.map((one: any) => one.title)
  expect(await titles('')).toEqual(['moment', 'span'])
  expect(await titles(`from=${range.from}&to=${range.to}`)).toEqual(['span'])
  expect(await titles(`from=${addDays(range.from, 1)}&to=${range.to}`)).toEqual([])
  expect(await note({ at: `${today}T10:00:00Z`, until: `${before.from}T10:00:00Z`, title: 'x' })).toMatchObject({ status: 422 })
  expect(await note({ at: `${today}T10:00:00Z`, title: 'x', link: 'javascript:alert(1)' })).toMatchObject({ status: 422 })
})

test.each([
  ['/entities/top', { ...movieViews, f: 'nope:is:x' }, 'PARAMETER_INVALID', '/f'],
  ['/entities/top', { ...movieViews, f: 'genres' }, 'PARAMETER_INVALID', '/f'],
  ['/entities/top', { ...movieViews, cmp: 'prev' }, 'RANGE_INVALID', '/from'],
  ['/entities/movers', { ...movieViews, from: '2024-01-01', to: '2026-01-01' }, 'RANGE_INVALID', '/to'],
  ['/entities/movers', { ...movieViews, ...range, cmp: 'custom' }, 'RANGE_INVALID', '/cmp_from'],
  ['/entities/movers', { ...movieViews, ...range, cmp: 'custom', cmp_from: range.from, cmp_to: range.to }, 'RANGE_INVALID', '/cmp_from'],
  ['/trends', { ...movie, ...range, action: 'nope' }, 'ACTION_UNKNOWN', '/action'],
  ['/distributions', { ...movieViews, by: 'nope' }, 'PARAMETER_INVALID', '/by'],
  ['/dimensions/nope/top', movie, 'PARAMETER_INVALID', '/dimension'],
  ['/overview', { domain: 'nope' }, 'DOMAIN_UNKNOWN', '/domain'],
  ['/overview', { cmp: 'next' }, 'PARAMETER_INVALID', '/cmp'],
  ['/entities/compare', { ...movie, ...range, entity_id: 'f/1' }, 'PARAMETER_INVALID', '/entity_id'],
  ['/suggestions', { ...movie, ...range, cursor: 'AAAA' }, 'CURSOR_INVALID', '/cursor'],
])('%s with %o is refused with %s', async (path, parameters, code, pointer) => {
  const answer = await get(path, parameters as Record<string, string>)
  expect(answer).toMatchObject({ status: 422, json: { code } })
  expect(answer.json.errors.map((error: any) => error.pointer)).toContain(pointer)
})
