import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { flushShards, importCatalog, importFile, syncCatalog, syncSegments } from '@tallyfleet/features'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApi, type TestApi } from '../apps/api/src/start-api.fixture.ts'
import { storesOnServers } from './stores-on-servers.ts'

/**
 * Every number that a page shows of an imported file, asked for as the page asks, against a count of that file's lines
 * which knows nothing of the fleet.
 */
const DATA = resolve(import.meta.dirname, '../../shared/data/ml-100k-raw')
const DAY_MS = 86_400_000
const GENRES = ['unknown', 'Action', 'Adventure', 'Animation', "Children's", 'Comedy', 'Crime', 'Documentary', 'Drama', 'Fantasy',
  'Film-Noir', 'Horror', 'Musical', 'Mystery', 'Romance', 'Sci-Fi', 'Thriller', 'War', 'Western']
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

type Film = { id: string; title: string; date: string | null; genres: string[] }
type View = { film: string; day: string }

/** Every rating takes minutes to write on a small machine; every fifth one tells as much of the pages. */
const STEP = process.env['FLEET_LONG'] === '1' ? 1 : 5

/** Ratings and films where they lie beside the checkout; else made-up ones of the same form, the same each time. */
async function sources(home: string): Promise<{ ratings: string; items: string }> {
  if (existsSync(DATA)) {
    const ratings = (await readFile(join(DATA, 'u.data'), 'latin1')).trimEnd().split('\n').filter((_, at) => at % STEP === 0)
    await writeFile(join(home, 'u.data'), `${ratings.join('\n')}\n`)
    return { ratings: join(home, 'u.data'), items: join(DATA, 'u.item') }
  }
  let state = 42
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below
  const items = Array.from({ length: 400 }, (_, n) => [
    n + 1, n % 50 === 49 ? `Film ${n} (1990)` : `Film ${n + 1}, The`, n % 37 === 36 ? '' : `0${1 + random(9)}-${MONTHS.slice(3 * random(12)).slice(0, 3)}-${1930 + random(69)}`,
    '', 'http://films', ...GENRES.map((_, genre) => Number(random(7) === 0 || genre === n % 19)),
  ].join('|'))
  const ratings = Array.from({ length: 20_000 }, () =>
    [1 + random(943), 1 + Math.min(random(410), random(410)), 1 + random(5), 874_724_710 + random(18_561_928)].join('\t'))
  const files = { ratings: join(home, 'u.data'), items: join(home, 'u.item') }
  await writeFile(files.ratings, `${ratings.join('\n')}\n`)
  await writeFile(files.items, `${items.join('\n')}\n`)
  return files
}

const dayAfter = (day: string, days: number) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10)
const daysOf = ({ from, to }: Range) => Array.from({ length: (Date.parse(to) - Date.parse(from)) / DAY_MS }, (_, n) => dayAfter(from, n))
/** The ISO week of a day: that of its Thursday. */
function weekOf(day: string): string {
  const thursday = dayAfter(day, 3 - ((new Date(day).getUTCDay() + 6) % 7))
  const week = 1 + Math.floor((Date.parse(thursday) - Date.parse(`${thursday.slice(0, 4)}-01-01`)) / (7 * DAY_MS))
  return `${thursday.slice(0, 4)}-W${String(week).padStart(2, '0')}`
}

type Range = { from: string; to: string }
type Counts = Map<string, number>
function tally<Item>(items: Iterable<Item>, keysOf: (item: Item) => readonly string[]): Counts {
  const counts: Counts = new Map()
  for (const item of items) for (const key of keysOf(item)) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
const sum = (values: Iterable<number>) => [...values].reduce((all, value) => all + value, 0)
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const ranked = (counts: Counts) => [...counts].sort(([a, x], [b, y]) => y - x || byBytes(a, b))

function edition(title: string, env: () => Record<string, string>): void {
  describe(title, { timeout: 300_000 }, () => {
    let home: string
    let api: TestApi
    let key: string
    let theirs: string
    let films: Map<string, Film>
    let views: View[]
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'fleet-numbers-'))
      const { ratings, items } = await sources(home)
      films = new Map((await readFile(items, 'latin1')).trimEnd().split('\n').map((line) => {
        const [id, name, released, , , ...flags] = line.split('|') as [string, string, string, string, string]
        const [day, month, year] = released.split('-') as [string, string, string]
        const date = released ? `${year}-${String(MONTHS.indexOf(month) / 3 + 1).padStart(2, '0')}-${day.padStart(2, '0')}` : null
        return [id, { id, title: name, date, genres: GENRES.filter((_, at) => (flags as string[])[at] === '1') }]
      }))
      views = (await readFile(ratings, 'latin1')).trimEnd().split('\n').map((line) => {
        const [, film, , seconds] = line.split('\t') as [string, string, string, string]
        return { film, day: new Date(Number(seconds) * 1_000).toISOString().slice(0, 10) }
      })
      api = await startApi({ config: { RATE_LIMIT_PER_MINUTE: 0 }, env: env() })
      // A tenant of its own: the search server is shared with other tests.
      const tenant = await api.tenant('numbers')
      key = await api.key({ tenant, scopes: ['read'] })
      theirs = await api.key({ tenant: await api.tenant('neighbour'), scopes: ['read'] })
      const of = { tenant, domain: 'jav' }
      expect(await importCatalog({ path: items, format: 'movielens', ...of, entityType: 'movie' }, api.needs))
        .toMatchObject({ inserted: films.size, rejected: 0 })
      expect(await importFile({ path: ratings, format: 'movielens', tenant, zone: 'UTC', options: {} }, api.needs))
        .toMatchObject({ accepted: views.length, duplicates: 0, rejected: 0 })
      await flushShards(ALL_SHARDS, api.needs, { jobId: 'numbers' })
      await syncCatalog(api.needs)
      await syncSegments(api.needs)
    }, 550_000)
    afterAll(async () => {
      await api?.[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
    }, 60_000)

    const ask = (path: string, parameters: Record<string, string | string[]> = {}, as = key) => {
      const query = new URLSearchParams()
      for (const [name, value] of Object.entries(parameters)) for (const one of [value].flat()) query.append(name, one)
      return api.call('GET', `/api/v1${path}?${query}`, { key: as })
    }
    const get = async (path: string, parameters: Record<string, string | string[]> = {}) => {
      const { status, json, text } = await ask(path, parameters)
      expect(status, text).toBe(200)
      return json.data
    }
    /** A list whole, page by page. */
    const whole = async (path: string, parameters: Record<string, string | string[]>) => {
      const rows: any[] = []
      for (let cursor: string | undefined; ;) {
        const { json, status, text } = await ask(path, { ...parameters, ...(cursor && { cursor }) })
        expect(status, text).toBe(200)
        rows.push(...json.data)
        if (!(cursor = json.page.nextCursor)) return rows
      }
    }
    const domain = { domain: 'jav' }
    const movie = { ...domain, entity_type: 'movie' }
    const seen = { ...movie, action: 'view' }
    const within = ({ from, to }: Range) => views.filter(({ day }) => day >= from && day < to)
    const countsIn = (range?: Range) => tally(range ? within(range) : views, ({ film }) => [film])
    const genresOf = (id: string) => films.get(id)?.genres ?? []
    const decadeOf = (id: string) => (films.get(id)?.date ? [`${films.get(id)!.date!.slice(0, 3)}0s`] : [])
    /** The whole of it, and one stretch that starts and ends within weeks, months and years. */
    const RANGES: Range[] = [{ from: '1997-09-01', to: '1998-06-01' }, { from: '1997-11-13', to: '1998-02-05' }]
    const before = ({ from, to }: Range): Range => ({ from: dayAfter(from, -daysOf({ from, to }).length), to: from })

    test('the overview: events, active films, each day, and everything so far', async () => {
      for (const range of RANGES) {
        const overview = await get('/overview', { ...domain, ...range, cmp: 'prev' })
        const view = overview.actions.find(({ action }: any) => action === 'view')
        const [now, then] = [within(range), within(before(range))]
        expect(view).toMatchObject({ value: now.length, previous: then.length, change: then.length ? (now.length - then.length) / then.length : null })
        expect(view.active).toMatchObject({ value: countsIn(range).size, previous: countsIn(before(range)).size })
        expect(overview.active.value).toBe(countsIn(range).size)
        for (const [spark, days] of [[view.spark, range], [view.previousSpark, before(range)]] as const) {
          const byDay = tally(within(days), ({ day }) => [day])
          expect(spark).toEqual(daysOf(days).map((bucket) => ({ bucket, count: byDay.get(bucket) ?? 0 })))
        }
        expect(overview.actions.find(({ action }: any) => action === 'download')).toMatchObject({ value: 0, active: { value: 0 } })
        expect(overview.snapshot).toEqual({ totals: { view: views.length, download: 0 }, entities: countsIn().size, catalogRows: films.size })
        expect(overview.pending).toBe(0)
      }
    })

    test('top lists: every film with its title, by count, of everything and of a range, as pages and as CSV', async () => {
      for (const range of [undefined, ...RANGES]) {
        const rows = await whole('/entities/top', { ...seen, ...range, limit: '700' })
        expect(rows).toEqual(ranked(countsIn(range)).map(([id, count]) =>
          ({ entity_id: id, ...(films.has(id) && { title: films.get(id)!.title }), count })))
      }
      const csv = parse((await ask('/entities/top', { ...seen, ...RANGES[1]!, limit: '1000', format: 'csv' })).text, { columns: true })
      expect(csv.map(({ entity_id: id, count }: any) => [id, Number(count)])).toEqual(ranked(countsIn(RANGES[1])).slice(0, 1_000))
      const drama = await whole('/entities/top', { ...seen, ...RANGES[1]!, f: ['genre:is:Drama', 'decade:not:1990s'], limit: '1000' })
      expect(drama.map(({ entity_id: id, count }) => [id, count])).toEqual(ranked(countsIn(RANGES[1]))
        .filter(([id]) => genresOf(id).includes('Drama') && !decadeOf(id).includes('1990s')))
    })

    test('movers: both counts, difference and rank of every film that moved', async () => {
      const range = RANGES[1]!
      const [now, then] = [countsIn(range), countsIn(before(range))]
      const [ranks, previousRanks] = [now, then].map((counts) => new Map(ranked(counts).map(([id], at) => [id, at + 1])))
      const rows = await whole('/entities/movers', { ...seen, ...range, limit: '1000' })
      const ids = [...new Set([...now.keys(), ...then.keys()])].filter((id) => (now.get(id) ?? 0) !== (then.get(id) ?? 0))
      expect(rows.map(({ entity_id: id }) => id).sort()).toEqual(ids.sort())
      for (const row of rows) {
        const [count, previous] = [now.get(row.entity_id) ?? 0, then.get(row.entity_id) ?? 0]
        expect(row).toMatchObject({
          count, previous, difference: count - previous, rank: ranks!.get(row.entity_id) ?? null, previousRank: previousRanks!.get(row.entity_id) ?? null,
        })
      }
      const scores = rows.map(({ score }) => Math.abs(score))
      expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    })

    test('series and trends: by day, week, month and year, of everything and of some films', async () => {
      const some = ranked(countsIn()).slice(0, 3).map(([id]) => id)
      const nameOf = { day: (day: string) => day, week: weekOf, month: (day: string) => day.slice(0, 7), year: (day: string) => day.slice(0, 4) }
      for (const interval of ['day', 'week', 'month', 'year'] as const) {
        const range = RANGES[1]!
        const expected = (film?: string) => {
          const counts = tally(within(range).filter((view) => film === undefined || view.film === film), ({ day }) => [nameOf[interval](day)])
          return [...new Set(daysOf(range).map(nameOf[interval]))].map((bucket) => ({ bucket, count: counts.get(bucket) ?? 0 }))
        }
        expect(await get('/timeseries', { ...seen, ...range, interval })).toEqual(expected())
        expect(await get('/timeseries', { ...seen, ...range, interval, entity_id: some[0]! })).toEqual(expected(some[0]))
        for (const trend of await get('/trends', { ...seen, ...range, interval, entity_id: some })) {
          expect(trend.points.map(({ bucket, count }: any) => ({ bucket, count }))).toEqual(expected(trend.entity_id))
          expect(trend.total.value).toBe(countsIn(range).get(trend.entity_id))
        }
      }
    })

    test.each([['genre', (id: string) => genresOf(id)], ['decade', (id: string) => decadeOf(id)]] as const)(
      'segments by %s: views, films and shares of each value, as a list, as a distribution and as a segment', async (by, valuesOf) => {
        const range = RANGES[1]!
        const [seenFilms, everything] = [countsIn(range), countsIn()]
        const total = within(range).length
        const counts = tally(within(range), ({ film }) => valuesOf(film))
        const list = await whole(`/dimensions/${by}/top`, { ...movie, ...range, limit: '1000' })
        const values = [...new Set([...films.keys()].flatMap(valuesOf))]
        expect(list.map(({ value }) => value).sort()).toEqual(values.sort())
        for (const row of list) {
          const holders = [...films.keys()].filter((id) => valuesOf(id).includes(row.value))
          expect(row).toMatchObject({
            entities: holders.length, active: holders.filter((id) => seenFilms.has(id)).length,
            counts: { view: counts.get(row.value) ?? 0, download: 0 }, share: (counts.get(row.value) ?? 0) / total,
          })
        }
        const { buckets } = await get('/distributions', { ...seen, ...range, by })
        expect(new Map(buckets.map(({ value, sum: all }: any) => [value ?? 'none', all])))
          .toEqual(tally(within(range), ({ film }) => (valuesOf(film).length > 0 ? valuesOf(film) : ['none'])))

        // Saved segments tell everything so far.
        for (const value of values) {
          const body = { ...movie, definition: { dimension: by, in: [value] }, top: 10, facets: ['genres'] }
          const { status, json, text } = await api.call('POST', '/api/v1/segments/preview', { key, body })
          expect(status, text).toBe(200)
          const members = [...films.keys()].filter((id) => valuesOf(id).includes(value))
          expect(json.data).toMatchObject({
            entities: members.length, share: members.length / films.size, totals: { view: sum(members.map((id) => everything.get(id) ?? 0)) },
          })
          const leaders = ranked(new Map(members.map((id) => [id, everything.get(id) ?? 0]))).slice(0, 10)
          expect(json.data.top.map(({ entity_id: id, count }: any) => [id, count])).toEqual(leaders)
          const parts = new Map(json.data.facets.genres.map((facet: any) => [facet.value, [facet.entities, facet.totals.view ?? 0]]))
          for (const genre of GENRES.filter((one) => members.some((id) => genresOf(id).includes(one)))) {
            const part = members.filter((id) => genresOf(id).includes(genre))
            expect(parts.get(genre), `${value}, ${genre}`).toEqual([part.length, sum(part.map((id) => everything.get(id) ?? 0))])
          }
        }
      })

    test('the distribution of views over films: every percentile and every bin', async () => {
      for (const range of [undefined, RANGES[1]!]) {
        const counts = [...countsIn(range).values()].sort((a, b) => a - b)
        const least = (percent: number) => counts[Math.ceil((percent * counts.length) / 100) - 1]
        const { spread, buckets } = await get('/distributions', { ...seen, ...range })
        expect(spread).toEqual({
          entities: counts.length, sum: sum(counts), min: counts[0], p50: least(50), p90: least(90), p99: least(99), max: counts.at(-1),
          mean: sum(counts) / counts.length,
        })
        for (const { from, to, entities, sum: all } of buckets) {
          const own = counts.filter((count) => count >= from && count < to)
          expect([entities, all]).toEqual([own.length, sum(own)])
        }
        expect(sum(buckets.map(({ entities }: any) => entities))).toBe(counts.length)
      }
    })

    test('the page of a film: totals, days, ranks, what its catalog row shows, and its range', async () => {
      const order = ranked(countsIn())
      const range = RANGES[1]!
      const rankIn = new Map(ranked(countsIn(range)).map(([id], at) => [id, at + 1]))
      for (const at of [0, 1, 99, order.length - 1]) {
        const [id, count] = order[at]!
        const days = views.filter(({ film }) => film === id).map(({ day }) => day).sort()
        const page = await get(`/entities/jav/movie/${id}`, { ...range, cmp: 'prev' })
        expect(page).toMatchObject({ totals: { view: count }, firstDay: days[0], lastDay: days.at(-1), title: films.get(id)?.title ?? null })
        expect(page.ranks).toEqual([{ action: 'view', rank: at + 1, entities: order.length, share: count / views.length }])
        if (films.has(id)) {
          expect(page.catalog).toMatchObject({ totals: { view: count }, columns: { genres: genresOf(id), release_date: films.get(id)!.date } })
        }
        const own = (days: Range) => within(days).filter(({ film }) => film === id)
        expect(page.insight.actions.find(({ action }: any) => action === 'view')).toMatchObject({
          total: { value: own(range).length, previous: own(before(range)).length }, rank: rankIn.get(id) ?? null,
          entities: countsIn(range).size, share: own(range).length / within(range).length,
        })
      }
      const pair = order.slice(0, 2).map(([id]) => id)
      const compared = await get('/entities/compare', { ...movie, ...range, entity_id: pair })
      expect(compared.map(({ actions }: any) => actions[0].total.value)).toEqual(pair.map((id) => countsIn(range).get(id)))
    })

    test('the quality of the catalog: missing fields, by category too, duplicates, and films without a row', async () => {
      const quality = await get('/catalog/quality', movie)
      const rows = [...films.values()]
      const lacks: Record<string, (film: Film) => boolean> = {
        actors: () => true, tags: () => true, image: () => true, description: () => true, source: () => false,
        date: ({ date }) => date === null, genre: ({ genres }) => genres.length === 0,
      }
      const scoreOf = (some: Film[], fields: string[]) =>
        1 - sum(fields.map((field) => some.filter(lacks[field]!).length)) / (some.length * fields.length)
      expect(quality.rows).toBe(rows.length)
      expect(quality.fields.map(({ field }: any) => field).sort()).toEqual(Object.keys(lacks).sort())
      for (const { field, missing, score } of quality.fields) {
        expect([field, missing]).toEqual([field, rows.filter(lacks[field]!).length])
        expect(score).toBeCloseTo(scoreOf(rows, [field]), 10)
      }
      expect(quality.score).toBeCloseTo(scoreOf(rows, Object.keys(lacks)), 10)
      expect(quality.categories.map(({ value }: any) => value).sort()).toEqual([...new Set(rows.flatMap(({ genres }) => genres))].sort())
      for (const { value, rows: size, missing } of quality.categories) {
        const own = rows.filter(({ genres }) => genres.includes(value))
        expect([size, missing]).toEqual([own.length, Object.fromEntries(Object.entries(lacks).map(([field, lack]) => [field, own.filter(lack).length]))])
      }
      const plain = ({ title: name, date }: Film) => `${date} ${name.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ').trim()}`
      const twins = tally(rows, (film) => [plain(film)])
      const orphans = [...countsIn().keys()].filter((id) => !films.has(id))
      expect(quality.issues).toMatchObject({
        'orphan-count': orphans.length, 'orphan-link': 0, duplicate: rows.filter((film) => twins.get(plain(film))! > 1).length, wont_fix: 0,
      })
      const undated = await whole('/catalog/issues', { ...movie, kind: 'missing-date', limit: '500' })
      expect(undated.map(({ entity_id: id }) => id).sort()).toEqual(rows.filter(lacks['date']!).map(({ id }) => id).sort())
      const found = await whole('/catalog/issues', { ...movie, kind: 'orphan-count', limit: '500' })
      expect(found.map(({ entity_id: id }) => id).sort()).toEqual(orphans.sort())
      const doubled = await whole('/catalog/issues', { ...movie, kind: 'duplicate', limit: '500' })
      expect(doubled).toHaveLength(quality.issues.duplicate)
    })

    test('the ledger counts every line, and a neighbour sees none of them', async () => {
      const today = new Date().toISOString().slice(0, 10)
      expect(await get('/ledger')).toMatchObject({ received: views.length, counted: views.length, duplicates: 0, rejected: 0, pending: 0, balanced: true })
      expect((await get('/overview', { ...domain, from: dayAfter(today, -1), to: dayAfter(today, 1) })).quality.received.value).toBe(views.length)
      for (const [path, parameters] of [
        ['/entities/top', seen], ['/entities/movers', { ...seen, ...RANGES[1]! }], ['/dimensions/genre/top', { ...movie, ...RANGES[1]! }],
      ] as const) expect((await ask(path, parameters, theirs)).json.data, path).toEqual([])
      expect((await ask('/overview', { ...domain, ...RANGES[0]! }, theirs)).json.data.snapshot).toMatchObject({ entities: 0, catalogRows: 0 })
      expect((await ask('/catalog/quality', movie, theirs)).json.data.rows).toBe(0)
    })
  })
}

edition('embedded', () => ({}))
edition('servers', () => storesOnServers('mongo', 'mysql', 'elasticsearch'))
