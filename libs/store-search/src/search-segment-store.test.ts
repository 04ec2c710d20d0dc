import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { segmentStoreContract } from '@tallyfleet/contract-tests'
import type { SegmentDocument } from '@tallyfleet/ports'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { SearchSegmentStore } from './search-segment-store.ts'

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const movie = (entityId: string, version = 1): SegmentDocument =>
  ({ ...MOVIES, entityId, title: null, dimensions: {}, totals: {}, version, shard: 0 })

for (const kind of ['elasticsearch', 'elasticsearch-8', 'opensearch'] as const) {
  describeWithServer(kind, `SearchSegmentStore on ${kind}`, (url) => {
    const indices: string[] = []
    const freshPrefix = (): string => {
      const prefix = freshName('segments')
      indices.push(`${prefix}-segments-v0`, `${prefix}-segments-v2`)
      return prefix
    }
    const call = async (method: string, path: string, body?: unknown): Promise<any> => {
      const answer = await fetch(`${url}/${path}`, {
        method, headers: { 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body),
      })
      return { status: answer.status, body: await answer.json() }
    }
    afterAll(async () => {
      while (indices.length > 0) await call('DELETE', `${indices.splice(0, 20).join(',')}?ignore_unavailable=true`)
    })

    segmentStoreContract(kind, async () => {
      const prefix = freshPrefix()
      return {
        store: await SearchSegmentStore.open({ url, prefix }), again: () => SearchSegmentStore.open({ url, prefix }),
      }
    })

    test('ten processes may open a fresh prefix at once', async () => {
      const prefix = freshPrefix()
      const stores = await Promise.all(Array.from({ length: 10 }, () => SearchSegmentStore.open({ url, prefix })))
      const results = await Promise.all(stores.map((store, n) => store.putDocuments([movie(`m-${n}`)])))
      expect(results.every(({ written }) => written === 1)).toBe(true)
      expect(await stores[0]!.count(MOVIES, [])).toBe(10)
      expect(Object.keys((await call('GET', `_alias/${prefix}-segments`)).body)).toEqual([`${prefix}-segments-v2`])
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))
    })

    test('an index of an older mapping gives way to an empty one without marks, several processes opening', async () => {
      const prefix = freshPrefix()
      const alias = `${prefix}-segments`
      await call('PUT', `${alias}-v0`, { aliases: { [alias]: {} }, mappings: { _meta: { version: 0 } } })
      await call('PUT', `${alias}-v0/_doc/mark-1`, { mark: 5 })
      const stores = await Promise.all(Array.from({ length: 5 }, () => SearchSegmentStore.open({ url, prefix })))
      for (const store of stores) {
        expect(await store.listMarks()).toEqual(new Map())
        await store[Symbol.asyncDispose]()
      }
      expect(Object.keys((await call('GET', `_alias/${alias}`)).body)).toEqual([`${alias}-v2`])
      expect((await call('GET', `${alias}-v0/_doc/mark-1`)).body._source).toEqual({ mark: 5 })
    })

    test('an index of a newer mapping, or of somebody else, is refused', async () => {
      for (const mappings of [{ _meta: { version: 99 } }, {}]) {
        const prefix = freshPrefix()
        await call('PUT', `${prefix}-segments-v2`, { aliases: { [`${prefix}-segments`]: {} }, mappings })
        await expect(SearchSegmentStore.open({ url, prefix })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
      }
    })

    test('a write after the index was deleted is refused, and makes no index of a guessed mapping', async () => {
      const prefix = freshPrefix()
      await using store = await SearchSegmentStore.open({ url, prefix })
      await call('DELETE', `${prefix}-segments-v2`)
      await expect(store.putDocuments([movie('one')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await expect(store.putMarks(new Map([[1, 1]]))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await expect(store.listMarks()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      await expect(store.count(MOVIES, [])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      expect((await call('GET', `${prefix}-segments`)).status).toBe(404)
    })

    test('a document that the server refuses rejects, and its neighbours are written', async () => {
      const prefix = freshPrefix()
      await using store = await SearchSegmentStore.open({ url, prefix })
      const broken = { ...movie('broken'), totals: { view: 'many' as unknown as number } }
      await expect(store.putDocuments([movie('a'), broken, movie('b')])).rejects.toMatchObject({ code: 'BUG' })
      expect(await store.count(MOVIES, [])).toBe(2)
    })

    test('fields stay few, whatever the packs call their dimensions', async () => {
      const prefix = freshPrefix()
      await using store = await SearchSegmentStore.open({ url, prefix })
      await store.putDocuments(Array.from({ length: 1_200 }, (_, n) =>
        ({ ...movie(`m-${n}`), dimensions: { [`dimension ${n}`]: n }, totals: { [`action_${n % 3}`]: n } })))
      expect(await store.count(MOVIES, [{ dimension: 'dimension 1199', in: [1199] }])).toBe(1)
      const { mappings } = (await call('GET', `${prefix}-segments-v2/_mapping`)).body[`${prefix}-segments-v2`]
      expect(mappings.properties.dimensions).toEqual({ type: 'object', enabled: false })
      expect(mappings.properties.totals.properties).toEqual({
        action_0: { type: 'double' }, action_1: { type: 'double' }, action_2: { type: 'double' },
      })
    })
  })
}

describe('opening a search server that is not there', () => {
  const unavailable = { code: 'STORE_UNAVAILABLE' }

  test('a closed port rejects at once', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    await expect(SearchSegmentStore.open({ url: `http://127.0.0.1:${port}` })).rejects.toMatchObject(unavailable)
  }, 10_000)

  test('a server that never answers rejects within 10 seconds', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await expect(SearchSegmentStore.open({ url: `http://127.0.0.1:${port}` })).rejects.toMatchObject(unavailable)
    server.close()
  }, 10_000)

  test('a name that does not resolve rejects', async () => {
    await expect(SearchSegmentStore.open({ url: 'http://nowhere.invalid:9200' })).rejects.toMatchObject(unavailable)
  }, 10_000)

  test('a URL or a prefix that cannot work is a fault of the configuration', async () => {
    const invalid = { code: 'CONFIG_INVALID' }
    await expect(SearchSegmentStore.open({ url: 'redis://localhost' })).rejects.toMatchObject(invalid)
    await expect(SearchSegmentStore.open({ url: 'nonsense' })).rejects.toMatchObject(invalid)
    for (const prefix of ['', 'Upper', '_a', 'a/b', 'a*', 'logs-x', 'metrics', 'traces-']) {
      await expect(SearchSegmentStore.open({ url: 'http://127.0.0.1:1', prefix })).rejects.toMatchObject(invalid)
    }
  })
})
