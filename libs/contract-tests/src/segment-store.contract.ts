import type { SegmentCondition } from '@tallyfleet/domain'
import type { SegmentDocument, SegmentOf, SegmentStore } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

const MOVIES: SegmentOf = { tenant: 'default', domain: 'jav', entityType: 'movie' }

function movie(entityId: string, part: Partial<SegmentDocument> = {}): SegmentDocument {
  return { ...MOVIES, entityId, title: null, dimensions: {}, totals: {}, version: 1, shard: 0, ...part }
}

/** Every SegmentStore passes this. `open` gives a fresh, empty one each time. */
export function segmentStoreContract(
  adapter: string, open: () => Promise<Opened<SegmentStore>>, skips: Skips = {},
): void {
  describe(`SegmentStore contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)

    holds('a document comes back exactly as it was written', async (store) => {
      const documents = [
        movie('plain'),
        movie('rich', {
          title: 'quote " slash \\ line\nend é 😀',
          dimensions: {
            text: 'a', list: ['b', 'c', 'b'], empty: '', none: null, nobody: [], yes: true, no: false, zero: 0,
            whole: Number.MAX_SAFE_INTEGER, real: -1.5e-7, large: 1e21, date: '2026-11-21', instant: '2026-11-21T10:00:00Z',
            'dotted.name': 'x',
          },
          totals: { view: 3, download: 0, revenue: Number.MAX_SAFE_INTEGER }, version: 7, shard: 255,
        }),
      ]
      expect(await store.putDocuments(documents)).toEqual({ written: 2, stale: 0 })
      expect(await store.scanDocuments(MOVIES, undefined, 10)).toEqual(documents)
    })

    holds('a lower or equal version changes nothing, a higher one replaces the whole document', async (store) => {
      const first = movie('one', { dimensions: { genre: 'drama', year: 1998 }, totals: { view: 2, like: 1 }, version: 5 })
      expect(await store.putDocuments([first])).toEqual({ written: 1, stale: 0 })
      expect(await store.putDocuments([first])).toEqual({ written: 0, stale: 1 })
      const older = { ...first, dimensions: { genre: 'lost' }, version: 4 }
      expect(await store.putDocuments([older, movie('two')])).toEqual({ written: 1, stale: 1 })
      expect((await store.scanDocuments(MOVIES, undefined, 1))[0]).toEqual(first)

      const second = movie('one', { dimensions: { genre: 'comedy' }, totals: { view: 9 }, version: 6 })
      expect(await store.putDocuments([second])).toEqual({ written: 1, stale: 0 })
      expect(await store.scanDocuments(MOVIES, undefined, 1)).toEqual([second])
      expect(await store.count(MOVIES, [{ dimension: 'genre', in: ['drama', 'lost'] }])).toBe(0)
      expect(await store.listBuckets(MOVIES, 'year', [], 10)).toEqual([])
      expect(await store.listBuckets(MOVIES, 'genre', [], 10))
        .toEqual([{ value: 'comedy', documents: 1, totals: { view: 9 } }])
    })

    holds('the newest of several versions in one call wins, in any order', async (store) => {
      const versions = [3, 9, 4].map((version) => movie('one', { version, dimensions: { version } }))
      expect(await store.putDocuments(versions)).toEqual({ written: 2, stale: 1 })
      expect(await store.scanDocuments(MOVIES, undefined, 10)).toEqual([versions[1]])
    })

    holds('nothing written is nothing', async (store) => {
      expect(await store.putDocuments([])).toEqual({ written: 0, stale: 0 })
      expect(await store.scanDocuments(MOVIES, undefined, 10)).toEqual([])
      expect(await store.count(MOVIES, [])).toBe(0)
      expect(await store.listBuckets(MOVIES, 'genre', [], 10)).toEqual([])
    })

    holds('filters must all match, each by any of its values', async (store) => {
      await store.putDocuments([
        movie('a', { dimensions: { genre: ['drama', 'war'], year: 1998, free: true, released: '1998-04-01' } }),
        movie('b', { dimensions: { genre: ['drama'], year: 1999, free: false, released: '1999-04-01' } }),
        movie('c', { dimensions: { genre: ['war', 'comedy'], year: 1999.5, free: true, released: null } }),
        movie('d', { dimensions: { genre: [], year: null } }),
      ])
      const count = (...filter: { dimension: string; in: (string | number | boolean)[] }[]) => store.count(MOVIES, filter)
      expect(await count()).toBe(4)
      expect(await count({ dimension: 'genre', in: ['drama'] })).toBe(2)
      expect(await count({ dimension: 'genre', in: ['drama', 'war', 'none'] })).toBe(3)
      expect(await count({ dimension: 'genre', in: ['drama'] }, { dimension: 'genre', in: ['war'] })).toBe(1)
      expect(await count({ dimension: 'year', in: [1999, 1998] }, { dimension: 'free', in: [true] })).toBe(1)
      expect(await count({ dimension: 'year', in: [1999.5] })).toBe(1)
      expect(await count({ dimension: 'free', in: [false] })).toBe(1)
      expect(await count({ dimension: 'free', in: [false, true] })).toBe(3)
      expect(await count({ dimension: 'released', in: ['1999-04-01'] })).toBe(1)
      expect(await count({ dimension: 'genre', in: [] })).toBe(0)
      expect(await count({ dimension: 'unknown', in: ['drama'] })).toBe(0)
      // A shorter name, and a value that reads like another dimension, stay apart.
      expect(await count({ dimension: 'gen', in: ['redrama'] })).toBe(0)
      expect(await store.listBuckets(MOVIES, 'gen', [], 10)).toEqual([])
    })

    holds('conditions nest: all, any, not, ranges, existence and totals', async (store) => {
      const empty = movie('e', { dimensions: { genre: [], year: null } })
      await store.putDocuments([
        movie('a', { dimensions: { genre: ['drama', 'war'], year: 1998, released: '1998-04-01' }, totals: { view: 5 } }),
        movie('b', { dimensions: { genre: ['drama'], year: -3.5, released: '2000-01-01' }, totals: { view: 0, like: 2 } }),
        movie('c', { dimensions: { genre: ['comedy'], year: 20_000, released: '1999-12-31' }, totals: { view: 50 } }),
        movie('d', { dimensions: { genre: 'war', year: '1998', free: false }, totals: { view: 7 } }), empty,
      ])
      const matching = async (...filter: SegmentCondition[]) => {
        const found = (await store.listTop(MOVIES, 'none', filter, 10)).map(({ entityId }) => entityId).join('')
        expect(await store.count(MOVIES, filter), JSON.stringify(filter)).toBe(found.length)
        return found
      }
      const drama: SegmentCondition = { dimension: 'genre', in: ['drama'] }
      const war: SegmentCondition = { dimension: 'genre', in: ['war'] }
      expect(await matching({ any: [drama, war] })).toBe('abd')
      expect(await matching({ all: [drama, { not: war }] })).toBe('b')
      expect(await matching({ not: { any: [drama, war] } })).toBe('ce')
      expect(await matching({ not: { not: { all: [drama, { any: [war, { dimension: 'year', lt: 0 }] }] } } })).toBe('ab')
      expect(await matching({ all: [] })).toBe('abcde')
      expect(await matching({ dimension: 'year', gte: 1998 })).toBe('ac')
      expect(await matching({ dimension: 'year', gte: -10, lt: 1998 })).toBe('b')
      expect(await matching({ dimension: 'year', lt: 20_000 })).toBe('ab')
      expect(await matching({ dimension: 'year', gte: '1998' })).toBe('d')
      expect(await matching({ not: { dimension: 'year', lt: 5_000 } })).toBe('cde')
      expect(await matching({ dimension: 'released', gte: '1990-01-01', lt: '2000-01-01' })).toBe('ac')
      expect(await matching({ dimension: 'released', lt: '1999' })).toBe('a')
      expect(await matching({ dimension: 'genre', exists: true })).toBe('abcd')
      expect(await matching({ dimension: 'genre', exists: false })).toBe('e')
      expect(await matching({ dimension: 'free', exists: true })).toBe('d')
      expect(await matching({ dimension: 'gen', exists: true })).toBe('')
      expect(await matching({ total: 'view', gte: 5, lt: 50 })).toBe('ad')
      expect(await matching({ total: 'view', lt: 1 })).toBe('b')
      // Who has no total of the action is neither below nor above.
      expect(await matching({ not: { total: 'like', gte: 1 } })).toBe('acde')
      expect(await matching({ not: { total: 'never', lt: 1 } })).toBe('abcde')
    })

    holds('sums, top lists and repeated values are of the filtered documents', async (store) => {
      await store.putDocuments([
        movie('a', { title: 'A', dimensions: { half: 'x', key: ['k1', 'k2'] }, totals: { view: 5, like: 1 } }),
        movie('b', { dimensions: { half: 'x', key: 'k1' }, totals: { view: 5 } }),
        movie('c', { dimensions: { half: 'y', key: 'k2' }, totals: { view: 2 ** 52 } }),
        movie('d', { dimensions: { half: 'x', key: 'k3' }, totals: {} }),
        movie('e', { dimensions: { half: 'x', key: 'k1' }, totals: { view: 0.5 } }),
        { ...movie('z', { dimensions: { half: 'x', key: 'k3' }, totals: { view: 100 } }), tenant: 'other' },
      ])
      const x: SegmentCondition[] = [{ dimension: 'half', in: ['x'] }]
      expect(await store.sumTotals(MOVIES, x)).toEqual({ documents: 4, totals: { view: 10.5, like: 1 } })
      expect(await store.sumTotals(MOVIES, [])).toEqual({ documents: 5, totals: { view: 2 ** 52 + 10.5, like: 1 } })
      expect(await store.sumTotals(MOVIES, [{ dimension: 'half', in: [] }])).toEqual({ documents: 0, totals: {} })

      const [first, ...others] = await store.listTop(MOVIES, 'view', x, 10)
      expect(first).toEqual({ entityId: 'a', title: 'A', totals: { view: 5, like: 1 } })
      expect(others.map(({ entityId }) => entityId)).toEqual(['b', 'e', 'd'])
      for (const action of ['view', 'never']) {
        const paged: string[] = []
        for (let after: { count: number; entityId: string } | undefined; ;) {
          const [entry] = await store.listTop(MOVIES, action, [], 1, after)
          if (!entry) break
          paged.push(entry.entityId)
          after = { count: entry.totals[action] ?? 0, entityId: entry.entityId }
        }
        expect(paged.join('')).toBe(action === 'view' ? 'cabed' : 'abcde')
      }

      expect(await store.listRepeated(MOVIES, 'key', [], 10))
        .toEqual([{ value: 'k1', documents: 3 }, { value: 'k2', documents: 2 }])
      expect(await store.listRepeated(MOVIES, 'key', [], 1)).toEqual([{ value: 'k1', documents: 3 }])
      expect(await store.listRepeated(MOVIES, 'key', [{ dimension: 'half', in: ['y'] }], 10)).toEqual([])
      expect(await store.listRepeated(MOVIES, 'ke', [], 10)).toEqual([])
    })

    holds('values match by type: 1, true and the texts of them are four values', async (store) => {
      await store.putDocuments([1, '1', true, 'true', 0, false, ''].map((value, index) =>
        movie(`m-${index}`, { dimensions: { value } })))
      for (const value of [1, '1', true, 'true', 0, false, '']) {
        expect(await store.count(MOVIES, [{ dimension: 'value', in: [value] }]), JSON.stringify(value)).toBe(1)
      }
      expect((await store.listBuckets(MOVIES, 'value', [], 10)).map(({ value }) => value))
        .toEqual([false, true, 0, 1, '', '1', 'true'])
    })

    holds('a list counts a document once for each distinct value, nulls and empty lists not at all', async (store) => {
      await store.putDocuments([
        movie('a', { dimensions: { genre: ['drama', 'drama', 'war'] }, totals: { view: 1 } }),
        movie('b', { dimensions: { genre: ['war'] }, totals: { view: 10 } }),
        movie('c', { dimensions: { genre: null }, totals: { view: 100 } }),
        movie('d', { dimensions: { genre: [] }, totals: { view: 1000 } }),
      ])
      expect(await store.listBuckets(MOVIES, 'genre', [], 10)).toEqual([
        { value: 'war', documents: 2, totals: { view: 11 } },
        { value: 'drama', documents: 1, totals: { view: 1 } },
      ])
    })

    holds('buckets sum totals over the filtered documents; an action that none of them has is absent', async (store) => {
      await store.putDocuments([
        movie('a', { dimensions: { genre: 'drama', year: 1998 }, totals: { view: 5, download: 0 } }),
        movie('b', { dimensions: { genre: 'drama', year: 1999 }, totals: { view: 7 } }),
        movie('c', { dimensions: { genre: 'war', year: 1999 }, totals: {} }),
        movie('d', { dimensions: { genre: 'war', year: 1999 }, totals: { revenue: 2 ** 52 } }),
        movie('e', { dimensions: { genre: 'war', year: 1999 }, totals: { revenue: 2 ** 52 - 1, like: 1.5 } }),
      ])
      expect(await store.listBuckets(MOVIES, 'genre', [], 10)).toEqual([
        { value: 'war', documents: 3, totals: { revenue: Number.MAX_SAFE_INTEGER, like: 1.5 } },
        { value: 'drama', documents: 2, totals: { view: 12, download: 0 } },
      ])
      expect(await store.listBuckets(MOVIES, 'genre', [{ dimension: 'year', in: [1999] }], 1)).toEqual([
        { value: 'war', documents: 3, totals: { revenue: Number.MAX_SAFE_INTEGER, like: 1.5 } },
      ])
      expect(await store.listBuckets(MOVIES, 'genre', [{ dimension: 'year', in: [1998] }], 10)).toEqual([
        { value: 'drama', documents: 1, totals: { view: 5, download: 0 } },
      ])
    })

    holds('buckets of equal size are in the order of their values', async (store) => {
      // UTF-16 order would put 😀 (a surrogate pair) before the private-use character U+E000.
      const texts = ['10', '9', 'A', 'Z', 'a', 'z', 'é', '\ue000', '😀']
      const numbers = [-2, -1.5, 0, 2, 9, 10, 1e21]
      await store.putDocuments([
        ...[...texts].reverse().map((text) => movie(`text ${text}`, { dimensions: { text } })),
        ...[...numbers].reverse().map((number) => movie(`number ${number}`, { dimensions: { number } })),
        movie('another', { dimensions: { text: '😀', number: 9 } }),
      ])
      expect((await store.listBuckets(MOVIES, 'text', [], 10)).map(({ value }) => value))
        .toEqual(['😀', '10', '9', 'A', 'Z', 'a', 'z', 'é', '\ue000'])
      expect((await store.listBuckets(MOVIES, 'number', [], 5)).map(({ value }) => value)).toEqual([9, -2, -1.5, 0, 2])
    })

    holds('long values are values like any other', async (store) => {
      const same = 'x'.repeat(600)
      const huge = '😀'.repeat(20_000)
      await store.putDocuments([
        movie('a', { dimensions: { text: `${same}a` }, totals: { view: 1 } }),
        movie('b', { dimensions: { text: `${same}b` }, totals: { view: 2 } }),
        movie('c', { dimensions: { text: [`${same}a`, `${huge}a`] }, totals: { view: 4 } }),
        movie('d', { dimensions: { text: `${huge}b` }, title: huge }),
      ])
      expect(await store.count(MOVIES, [{ dimension: 'text', in: [`${same}a`] }])).toBe(2)
      expect(await store.count(MOVIES, [{ dimension: 'text', in: [`${huge}a`, `${huge}b`] }])).toBe(2)
      expect(await store.listBuckets(MOVIES, 'text', [], 10)).toEqual([
        { value: `${same}a`, documents: 2, totals: { view: 5 } },
        { value: `${same}b`, documents: 1, totals: { view: 2 } },
        { value: `${huge}a`, documents: 1, totals: { view: 4 } },
        { value: `${huge}b`, documents: 1, totals: {} },
      ])
    })

    holds('packs may give one dimension different types', async (store) => {
      await store.putDocuments([
        movie('a', { dimensions: { released: '2026-11-21' } }), movie('b', { dimensions: { released: 1998 } }),
        { ...movie('a', { dimensions: { released: true } }), domain: 'web' },
        { ...movie('a', { dimensions: { released: ['x', 'y'] } }), entityType: 'actor' },
      ])
      expect(await store.count(MOVIES, [{ dimension: 'released', in: [1998, '2026-11-21', true, 'x'] }])).toBe(2)
      expect(await store.listBuckets({ ...MOVIES, domain: 'web' }, 'released', [], 10))
        .toEqual([{ value: true, documents: 1, totals: {} }])
    })

    holds('tenants, domains and entity types do not mix', async (store) => {
      const others: SegmentOf[] = [
        { ...MOVIES, tenant: 'other' }, { ...MOVIES, domain: 'web' }, { ...MOVIES, entityType: 'actor' },
      ]
      const dimensions = { genre: 'drama' }
      await store.putDocuments([
        movie('same', { dimensions, totals: { view: 1 }, version: 3 }),
        ...others.map((of) => ({ ...movie('same', { dimensions, totals: { view: 5 } }), ...of })),
      ])
      for (const of of [MOVIES, ...others]) {
        expect(await store.count(of, [])).toBe(1)
        expect(await store.scanDocuments(of, undefined, 10)).toHaveLength(1)
        expect(await store.listBuckets(of, 'genre', [], 10))
          .toEqual([{ value: 'drama', documents: 1, totals: { view: of === MOVIES ? 1 : 5 } }])
      }
    })

    holds('a scan goes by the bytes of the entity ids, page by page', async (store) => {
      const ordered = [
        '"', '$', '*', '/a/b?c=d', 'A', 'M-1', 'Z', '\\', '_', 'a', 'a b', 'a.b', 'm-1', 'm-10', 'm-2', 'z',
        'é', '\ue000', '😀', '😀'.repeat(256),
      ]
      await store.putDocuments([...ordered].reverse().map((entityId) => movie(entityId)))
      const ids: string[] = []
      for (let after: string | undefined; ;) {
        const page = await store.scanDocuments(MOVIES, after, 3)
        ids.push(...page.map((document) => document.entityId))
        if (page.length < 3) break
        after = ids.at(-1)
      }
      expect(ids).toEqual(ordered)
      expect(await store.scanDocuments(MOVIES, ordered.at(-1), 3)).toEqual([])
      // A place in the order need not be an id.
      expect((await store.scanDocuments(MOVIES, 'm-11', 1))[0]?.entityId).toBe('m-2')
    })

    holds('5,000 documents with 3,000 values are counted exactly', async (store) => {
      const documents = Array.from({ length: 5_000 }, (_, n) => movie(`m-${String(n).padStart(4, '0')}`, {
        dimensions: { author: `author ${n % 3_000}`, half: n % 2 === 0, other: ['a', 'zz'] }, totals: { view: n },
      }))
      expect(await store.putDocuments(documents)).toEqual({ written: 5_000, stale: 0 })
      expect(await store.putDocuments(documents)).toEqual({ written: 0, stale: 5_000 })
      expect(await store.count(MOVIES, [])).toBe(5_000)
      const all = await store.listBuckets(MOVIES, 'author', [], 10_000)
      expect(all).toHaveLength(3_000)
      expect(all.reduce((sum, { documents }) => sum + documents, 0)).toBe(5_000)
      expect(all[0]).toEqual({ value: 'author 0', documents: 2, totals: { view: 3_000 } })
      expect(all[2_000]).toEqual({ value: 'author 2000', documents: 1, totals: { view: 2_000 } })
      expect(await store.listBuckets(MOVIES, 'half', [], 10)).toEqual([
        { value: false, documents: 2_500, totals: { view: 6_250_000 } },
        { value: true, documents: 2_500, totals: { view: 6_247_500 } },
      ])
      const page = await store.scanDocuments(MOVIES, 'm-3999', 1_000)
      expect(page).toEqual(documents.slice(4_000))
    })

    holds('a call larger than 5 MiB is written whole', async (store) => {
      const documents = Array.from({ length: 30 }, (_, n) =>
        movie(`m-${n}`, { title: 'x'.repeat(300_000), dimensions: { n } }))
      expect(await store.putDocuments(documents)).toEqual({ written: 30, stale: 0 })
      expect(await store.count(MOVIES, [])).toBe(30)
    })

    holds('another handle sees every earlier write, and its marks', async (store, again) => {
      const other = await again()
      for (let version = 1; version <= 5; version += 1) {
        await store.putDocuments([movie('one', { version, dimensions: { version }, totals: { view: version } })])
        await store.putMarks(new Map([[0, version]]))
        expect((await other.scanDocuments(MOVIES, undefined, 10))[0]?.version).toBe(version)
        expect(await other.count(MOVIES, [{ dimension: 'version', in: [version] }])).toBe(1)
        expect(await other.listBuckets(MOVIES, 'version', [], 10))
          .toEqual([{ value: version, documents: 1, totals: { view: version } }])
        expect(await other.listMarks()).toEqual(new Map([[0, version]]))
      }
    })

    holds('handles that write at once end at the newest version', async (store, again) => {
      const handles = [store, await again()]
      const ids = Array.from({ length: 20 }, (_, n) => `m-${n}`)
      const results = await Promise.all(Array.from({ length: 20 }, (_, n) => 1 + ((n * 7) % 20)).map((version, index) =>
        handles[index % 2]!.putDocuments(ids.map((id) => movie(id, { version, dimensions: { version } })))))
      const found = await store.scanDocuments(MOVIES, undefined, 100)
      expect(found.map(({ version }) => version)).toEqual(ids.map(() => 20))
      expect(await store.listBuckets(MOVIES, 'version', [], 10)).toEqual([{ value: 20, documents: 20, totals: {} }])
      for (const { written, stale } of results) expect(written + stale).toBe(20)
    })

    holds('marks go up alone, are read at once, and outlive the handle', async (store, again) => {
      expect(await store.listMarks()).toEqual(new Map())
      await store.putMarks(new Map([[0, 5], [255, 0], [7, Number.MAX_SAFE_INTEGER]]))
      expect(await store.listMarks()).toEqual(new Map([[0, 5], [7, Number.MAX_SAFE_INTEGER], [255, 0]]))
      await store.putMarks(new Map([[0, 5]]))
      await store.putMarks(new Map([[0, 4], [255, 9]]))
      await store.putMarks(new Map())
      const other = await again()
      const marks = new Map([[0, 5], [7, Number.MAX_SAFE_INTEGER], [255, 9]])
      expect(await other.listMarks()).toEqual(marks)
      await store[Symbol.asyncDispose]()
      expect(await other.listMarks()).toEqual(marks)
      expect(await other.count(MOVIES, [])).toBe(0)
    })

    holds('marks of all shards raised at once keep the highest', async (store, again) => {
      const handles = [store, await again()]
      await Promise.all([3, 8, 1, 6].map((mark, index) =>
        handles[index % 2]!.putMarks(new Map(Array.from({ length: 256 }, (_, shard) => [shard, mark])))))
      const marks = await store.listMarks()
      expect(marks.size).toBe(256)
      expect(new Set(marks.values())).toEqual(new Set([8]))
    })

    holds('a closed store rejects with STORE_UNAVAILABLE', async (store) => {
      await store[Symbol.asyncDispose]()
      const closed = { code: 'STORE_UNAVAILABLE' }
      await expect(store.putDocuments([movie('one')])).rejects.toMatchObject(closed)
      await expect(store.scanDocuments(MOVIES, undefined, 1)).rejects.toMatchObject(closed)
      await expect(store.count(MOVIES, [])).rejects.toMatchObject(closed)
      await expect(store.listBuckets(MOVIES, 'genre', [], 1)).rejects.toMatchObject(closed)
      await expect(store.listMarks()).rejects.toMatchObject(closed)
      await expect(store.putMarks(new Map([[1, 1]]))).rejects.toMatchObject(closed)
      await store[Symbol.asyncDispose]()
    })
  })
}
