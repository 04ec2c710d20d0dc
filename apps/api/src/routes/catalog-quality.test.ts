import { scoreCatalogs, syncSegments } from '@tallyfleet/features'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flushShards, syncCatalog } from '@tallyfleet/features'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
let api: TestApi
let key: string
let admin: string

beforeAll(async () => {
  api = await startApi()
  key = await api.key({ scopes: ['ingest', 'read'] })
  admin = await api.key({ scopes: ['read', 'admin'] })
  const { catalog } = api.stores
  await catalog.putRows({ ...MOVIES, entityType: 'actor' }, [{ id: 'a-1', columns: { name: 'Known', birth_date: '1990-01-01' } }])
  await catalog.putRows(MOVIES, [
    { id: 'whole', columns: {
      title: 'Whole', genres: ['Drama', 'War'], actors: ['a-1'], tags: ['t'], images: ['x'], release_date: '2001-01-01',
      source: 's', description: 'd',
    } },
    { id: 'bare', columns: { title: 'Bare', genres: ['Drama'], actors: ['a-1', 'nobody'] } },
    { id: 'twin-1', columns: { title: 'The  Twin!', release_date: '1999-05-05', genres: [], source: '' } },
    { id: 'twin-2', columns: { title: 'the twin', release_date: '1999-05-05', genres: ['War'], actors: ['nobody'] } },
    { id: 'later', columns: { title: 'The Twin', release_date: '2005-05-05', genres: ['War'] } },
  ])
  const views = { whole: 1, bare: 3, 'twin-1': 2, 'twin-2': 5, ghost: 4, phantom: 9 }
  const events = Object.entries(views).flatMap(([entity_id, count]) => Array.from({ length: count }, () => eventOf({ entity_id })))
  await api.call('POST', '/api/v1/events', { key, body: [...events, eventOf({ entity_id: 'ghost', action: 'download' })] })
  await flushShards(ALL_SHARDS, api.needs as never, { jobId: 'test' })
  await syncCatalog(api.needs)
  await syncSegments(api.needs)
}, 60_000)
afterAll(() => api[Symbol.asyncDispose]())

const get = async (path: string) => (await api.call('GET', path, { key })).json
const issues = async (query: string) => (await get(`/api/v1/catalog/issues?domain=jav&${query}`)).data as any[]

test('completeness is told by field and by category, live, with what two stores say of each other', async () => {
  const { data } = await get('/api/v1/catalog/quality?domain=jav')
  expect(data).toMatchObject({
    entity_type: 'movie', rows: 5, category: 'genres', trend: [],
    issues: { 'orphan-count': 2, 'orphan-link': 1, duplicate: 2, wont_fix: 0 },
  })
  const missing = Object.fromEntries(data.fields.map((one: any) => [one.field, one.missing]))
  expect(missing).toEqual({ actors: 2, tags: 4, image: 4, date: 1, genre: 1, source: 4, description: 4 })
  expect(data.score).toBeCloseTo(1 - 20 / 35)
  expect(data.fields.find((one: any) => one.field === 'actors')).toMatchObject({ title: 'Actors (ids)', score: 0.6 })
  expect(data.categories.map(({ value, rows }: any) => [value, rows])).toEqual([['War', 3], ['Drama', 2]])
  expect(data.categories[1]).toMatchObject({ missing: { actors: 0, tags: 1, date: 1, genre: 0 } })
  expect(data.categories[1].score).toBeCloseTo(1 - 5 / 14)
  expect(data.entity_types.map((one: any) => one.entity_type)).toEqual(['movie', 'actor', 'tag'])
})

test('the trend holds one look for each day, the last one', async () => {
  expect(await scoreCatalogs(api.needs)).toEqual({ catalogs: 2 })
  await scoreCatalogs(api.needs)
  const { data } = await get('/api/v1/catalog/quality?domain=jav&entity_type=movie')
  expect(data.trend).toHaveLength(1)
  expect(data.trend[0]).toMatchObject({ rows: 5, missing: { actors: 2 }, 'orphan-count': 2, 'orphan-link': 1, duplicate: 2 })
  expect(data.countedAt).not.toBeNull()
})

test('issues come most viewed first, each kind with what it is about', async () => {
  expect((await issues('kind=missing-actors')).map(({ entity_id, count, title, detail }) => [entity_id, count, title, detail]))
    .toEqual([['twin-1', 2, 'The  Twin!', { column: 'actors' }], ['later', 0, 'The Twin', { column: 'actors' }]])
  expect((await issues('kind=orphan-count')).map(({ entity_id, count }) => [entity_id, count])).toEqual([['phantom', 9], ['ghost', 4]])
  expect((await issues('kind=orphan-count&action=download')).map(({ entity_id }) => entity_id)).toEqual(['ghost'])
  expect(await issues('kind=orphan-link')).toMatchObject([{ entity_id: 'nobody', count: 8, detail: { column: 'actors', rows: 2 } }])
  expect((await issues('kind=duplicate')).map(({ entity_id, detail }) => [entity_id, detail.twins]))
    .toEqual([['twin-2', ['twin-1']], ['twin-1', ['twin-2']]])
})

test('lists page to their end, and are to be had as CSV', async () => {
  for (const kind of ['missing-image', 'orphan-count', 'duplicate']) {
    const whole = await issues(`kind=${kind}`)
    const paged: any[] = []
    for (let cursor = ''; ;) {
      const { data, page } = await get(`/api/v1/catalog/issues?domain=jav&kind=${kind}&limit=1${cursor}`)
      paged.push(...data)
      if (!page.nextCursor) break
      cursor = `&cursor=${page.nextCursor}`
    }
    expect(paged).toEqual(whole)
  }
  const { text } = await api.call('GET', '/api/v1/catalog/issues?domain=jav&kind=missing-image&format=csv', { key })
  expect(text.split('\r\n').filter(Boolean)).toHaveLength(5)
})

test('an issue that nobody will fix leaves the list, with reason and name, and comes back; both are in the audit log', async () => {
  const [first] = await issues('kind=missing-actors')
  const path = `/api/v1/catalog/issues/${first.id}/wont-fix`
  expect((await api.call('POST', path, { key, body: { reason: 'no' } })).status).toBe(403)
  const marked = await api.call('POST', path, { key: admin, body: { reason: 'A trailer' } })
  expect(marked.json.data).toMatchObject({ state: 'wont-fix', wontFix: { reason: 'A trailer' } })
  expect((await issues('kind=missing-actors')).map(({ entity_id }) => entity_id)).toEqual(['later'])
  expect(await issues('kind=missing-actors&state=wont-fix')).toMatchObject([{ id: first.id, entity_id: 'twin-1', count: 2, wontFix: { reason: 'A trailer' } }])
  expect((await issues('kind=missing-actors&state=all')).map(({ state }) => state)).toEqual(['wont-fix', 'open'])
  expect((await get('/api/v1/catalog/quality?domain=jav')).data.issues.wont_fix).toBe(1)
  expect((await api.call('DELETE', path, { key: admin })).status).toBe(200)
  expect((await api.call('DELETE', path, { key: admin })).status).toBe(404)
  expect((await issues('kind=missing-actors'))[0].id).toBe(first.id)
  const audit = (await api.stores.accounts.listAudit(10)).map(({ action, detail }) => [action, detail])
  expect(audit).toEqual(expect.arrayContaining([['markWontFix', { reason: 'A trailer' }], ['undoWontFix', {}]]))
})

test('other tenants see nothing of it, and what is no issue is refused', async () => {
  await api.tenant('shop')
  const theirs = await api.key({ tenant: 'shop', scopes: ['read'] })
  const { json } = await api.call('GET', '/api/v1/catalog/quality?domain=jav', { key: theirs })
  expect(json.data).toMatchObject({ rows: 0, score: 1, categories: [], countedAt: null })
  expect((await api.call('GET', '/api/v1/catalog/issues?domain=jav&kind=missing-hats', { key })).status).toBe(422)
  expect((await api.call('GET', '/api/v1/catalog/quality?domain=no', { key })).status).toBe(422)
  expect((await api.call('POST', '/api/v1/catalog/issues/WyJ4Il0/wont-fix', { key: admin, body: { reason: 'x' } })).status).toBe(404)
  expect((await api.call('POST', `/api/v1/catalog/issues/${Buffer.from('["jav","movie","missing-actors","a\\u0000"]').toString('base64url')}/wont-fix`, { key: admin, body: { reason: 'x' } })).status).toBe(404)
})
