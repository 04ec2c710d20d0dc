import { addDays, checksumOf, eventsByTenant, groupDeltas, type Delta } from '@tallyfleet/domain'
import type {
  ApplyResult, BucketOf, EntityTotals, Manifest, RollupDocument, RollupStore, TopAfter,
} from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

/** The actions that the suite counts: an adapter that prepares indexes for actions opens its store with these. */
export const CONTRACT_ACTIONS: readonly string[] = ['download', 'purchase', 'view']

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const ALL = { interval: 'total', bucket: 'all' } as const
const DAY = '2026-11-21'
const CREATED_AT = new Date('2026-11-21T10:00:00.123Z')
const DONE_AT = new Date('2026-11-21T10:00:01.456Z')
/** Ids that meet quoting, operators, patterns and the length limit of some engine. */
const ODD_IDS: readonly string[] = [
  `'; DROP TABLE documents; --`, '"', '\\', '$', '$inc', '$.view.count', 'a.b', '.a', '%', '_', '*', '?', '[x]',
  '{"$gt":""}', '😀', 'é', '名前', 'null', '0', '007', 'a:b|c/d', '😀'.repeat(256),
]

/** Every RollupStore passes this. `open` gives a fresh, empty one each time. */
export function rollupStoreContract(
  adapter: string, open: () => Promise<Opened<RollupStore>>, skips: Skips = {},
): void {
  describe(`RollupStore contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)

    describe('manifests', () => {
      holds('the first manifest of a number wins, and every append answers it', async (store, again) => {
        const deltas = [view('m-1', 2), view('m-2')]
        const manifest = manifestOf(7, 1, deltas)
        expect(await store.appendManifest(manifest, deltas)).toEqual(manifest)

        const other = { ...manifestOf(7, 1, [view('m-9')]), jobId: 'late', createdAt: DONE_AT }
        expect(await (await again()).appendManifest(other, [view('m-9')])).toEqual(manifest)
        expect(await store.findManifest(7, 1)).toEqual(manifest)
        expect(sorted(await store.findDeltas(7, 1))).toEqual(sorted(deltas))
      })

      holds('of manifests appended at once, all callers see the same one', async (store, again) => {
        const handles = [store, await again()]
        const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => {
          const deltas = [view(`m-${index}`)]
          return handles[index % 2]!.appendManifest({ ...manifestOf(7, 1, deltas), jobId: `job-${index}` }, deltas)
        }))
        expect(new Set(answers.map(({ jobId }) => jobId)).size).toBe(1)
        expect(checksumOf((await store.findDeltas(7, 1))!)).toBe(answers[0]!.checksum)
      })

      holds('a manifest that is not there is undefined, and so are its deltas', async (store) => {
        await append(store, 7, 1, [view('m-1')])
        expect(await store.findManifest(7, 2)).toBeUndefined()
        expect(await store.findManifest(8, 1)).toBeUndefined()
        expect(await store.findDeltas(7, 2)).toBeUndefined()
        expect(await store.listLatestManifests()).toHaveLength(1)
      })

      holds('deltas come back as they were, ids of any kind and large values among them', async (store) => {
        const deltas = [
          ...ODD_IDS.map((id, index) => view(id, index + 1)),
          delta({ measure: 'revenue', action: 'purchase', value: Number.MAX_SAFE_INTEGER }),
          delta({ tenant: 'other', domain: 'web', entityType: 'page', bucket: '2026-11-21T14', value: 0 }),
          delta({ action: 'download', value: -3 }),
        ]
        await append(store, 0, 1, deltas)
        expect(sorted(await store.findDeltas(0, 1))).toEqual(sorted(deltas))
      })

      holds('a batch without deltas has a manifest with none', async (store) => {
        await append(store, 0, 1, [])
        expect(await store.findDeltas(0, 1)).toEqual([])
      })

      holds('200,000 deltas round-trip', async (store) => {
        const deltas = Array.from({ length: 200_000 }, (_, index) =>
          view(`item-${index}-${(index * 2654435761) % 4294967296}`, index + 1))
        const manifest = manifestOf(255, 1, deltas)
        expect(await store.appendManifest(manifest, deltas)).toEqual(manifest)
        const stored = await store.findDeltas(255, 1)
        expect(stored).toHaveLength(deltas.length)
        expect(checksumOf(stored!)).toBe(manifest.checksum)
      })

      holds('finishing a manifest keeps the first time, and tells done from open', async (store) => {
        const manifest = await append(store, 7, 1, [view('m-1')])
        await append(store, 7, 2, [view('m-1')])
        await store.finishManifest(7, 1, DONE_AT)
        await store.finishManifest(7, 1, new Date('2027-01-01T00:00:00Z'))
        expect(await store.findManifest(7, 1)).toEqual({ ...manifest, state: 'done', doneAt: DONE_AT })
        expect((await store.findManifest(7, 2))?.state).toBe('open')
      })

      holds('the latest manifest of each shard is the one with the highest number', async (store) => {
        for (const [shard, n] of [[0, 1], [0, 2], [9, 9], [9, 10], [255, 1]] as const) {
          await append(store, shard, n, [view('a')])
        }
        const latest = await store.listLatestManifests()
        expect(latest.map(({ shard, n }) => [shard, n]).sort((a, b) => a[0]! - b[0]!))
          .toEqual([[0, 2], [9, 10], [255, 1]])
      })

      holds('manifests of a shard are listed by number, after a number, up to the limit', async (store) => {
        for (const n of [1, 2, 3, 10, 11]) await append(store, 5, n, [view('a')])
        await append(store, 6, 4, [view('a')])
        const numbers = async (after: number, limit: number) =>
          (await store.listManifests(5, after, limit)).map(({ n }) => n)
        expect(await numbers(0, 100)).toEqual([1, 2, 3, 10, 11])
        expect(await numbers(2, 2)).toEqual([3, 10])
        expect(await numbers(11, 100)).toEqual([])
      })

      holds('blanking takes the deltas of old done manifests, and leaves their headers', async (store) => {
        const old = new Date('2026-01-01T00:00:00Z')
        await store.appendManifest({ ...manifestOf(1, 1, [view('a')]), createdAt: old }, [view('a')])
        await store.appendManifest({ ...manifestOf(1, 2, [view('b')]), createdAt: old }, [view('b')])
        await append(store, 1, 3, [view('c')])
        await store.finishManifest(1, 1, DONE_AT)
        await store.finishManifest(1, 3, DONE_AT)

        expect(await store.blankDeltas(new Date('2026-02-01T00:00:00Z'))).toBe(1)
        expect(await store.findDeltas(1, 1)).toBeUndefined()
        expect((await store.findManifest(1, 1))?.checksum).toBe(checksumOf([view('a')]))
        expect(await store.findDeltas(1, 2)).toEqual([view('b')]) // still open: a late worker needs it
        expect(await store.findDeltas(1, 3)).toEqual([view('c')])
        expect(await store.blankDeltas(new Date('2026-02-01T00:00:00Z'))).toBe(0)

        // A blanked batch is still taken: it must never be counted again.
        expect((await append(store, 1, 1, [view('z')])).checksum).toBe(checksumOf([view('a')]))
        expect(await store.findDeltas(1, 1)).toBeUndefined()
      })
    })

    describe('copies', () => {
      holds('a copied manifest is as it was, done, blanked or open, and again after its original went on', async (store) => {
        const deltas = [view('m-1', 2)]
        const open = manifestOf(7, 2, deltas)
        const done = { ...manifestOf(7, 1, deltas), state: 'done' as const, doneAt: DONE_AT }
        await store.putManifestCopy(done, undefined)
        await store.putManifestCopy(open, deltas)
        expect([await store.findManifest(7, 1), await store.findDeltas(7, 1)]).toEqual([done, undefined])
        expect([await store.findManifest(7, 2), await store.findDeltas(7, 2)]).toEqual([open, deltas])
        await store.putManifestCopy({ ...open, state: 'done', doneAt: DONE_AT }, undefined)
        expect([await store.findManifest(7, 2), await store.findDeltas(7, 2)])
          .toEqual([{ ...open, state: 'done', doneAt: DONE_AT }, undefined])
      })

      holds('copied documents stand as they were, in place of older ones, and are fenced as before', async (store, again) => {
        const deltas = [view('m-1', 3), delta({ action: 'purchase', measure: 'revenue', value: Number.MAX_SAFE_INTEGER })]
        await flush(store, 3, 5, deltas)
        const documents = (await collect(store.scan(3))).map((document) => ({ ...document, seq: 9, counts: { view: { count: 8 } } }))
        const other = await again()
        await other.putCopies(documents)
        await other.putCopies(documents)
        expect(await collect(store.scan(3))).toEqual(documents)
        await append(store, 3, 9, deltas)
        expect((await store.apply(3, 9, documentsOf(3, deltas))).applied).toBe(0)
      })

      holds('dead deltas are streamed as they were kept', async (store) => {
        const kept = [[0, 1], [7, 2], [7, 10], [255, 1]].map(([shard, n]) =>
          ({ shard: shard!, n: n!, dead: [{ delta: view(`m-${n}`, n), reason: 'too large' }] }))
        for (const { shard, n, dead } of kept) await store.appendDead(shard, n, dead)
        const found: typeof kept = []
        for await (const batch of store.scanDead()) found.push(batch)
        expect(found).toEqual(kept)
      })
    })

    describe('apply', () => {
      holds('applying a batch twice counts once', async (store) => {
        const deltas = [view('m-1', 3), view('m-2', 4)]
        const documents = documentsOf(3, deltas)
        await append(store, 3, 1, deltas)
        expect(await store.apply(3, 1, documents)).toEqual({ applied: documents.length, skipped: 0 })
        expect(await store.apply(3, 1, documents)).toEqual({ applied: 0, skipped: documents.length })
        expect(await top(store)).toEqual([['m-2', 4], ['m-1', 3]])
      })

      holds('applying a batch after it is finished changes nothing', async (store) => {
        const deltas = [view('m-1', 3)]
        await flush(store, 3, 1, deltas)
        const documents = documentsOf(3, deltas)
        expect(await store.apply(3, 1, documents)).toEqual({ applied: 0, skipped: documents.length })
        expect(await top(store)).toEqual([['m-1', 3]])
      })

      holds('an older batch that comes after a newer one changes nothing', async (store) => {
        const older = [view('m-1', 1)], newer = [view('m-1', 10)]
        await append(store, 3, 1, older)
        await append(store, 3, 2, newer)
        await store.apply(3, 2, documentsOf(3, newer))
        expect((await store.apply(3, 1, documentsOf(3, older))).applied).toBe(0)
        expect(await top(store)).toEqual([['m-1', 10]])
        expect((await collect(store.scan(3))).every(({ seq }) => seq === 2)).toBe(true)
      })

      holds('a batch that was half applied is completed by applying it again', async (store) => {
        const first = Array.from({ length: 40 }, (_, index) => view(`m-${index}`, index + 1))
        await flush(store, 3, 1, first)
        const second = first.map((one) => ({ ...one, value: one.value * 100 }))
        const documents = documentsOf(3, second)
        await append(store, 3, 2, second)
        const half = documents.filter((_, index) => index % 3 === 1)
        await store.apply(3, 2, half)
        expect(await store.apply(3, 2, documents))
          .toEqual({ applied: documents.length - half.length, skipped: half.length })
        for (const { entityId, counts } of await totals(store, first.map(({ entityId }) => entityId))) {
          expect(counts).toEqual({ view: { count: 101 * (Number(entityId.slice(2)) + 1) } })
        }
        expect(await store.listSeries(MOVIES, null, 'view', 'total', 'all', 'am'))
          .toEqual([{ bucket: 'all', count: 101 * 820 }])
      })

      holds('handles that apply the same batch at once count once', async (store, again) => {
        const handles = [store, await again(), await again()]
        for (let n = 1; n <= 3; n += 1) {
          const deltas = Array.from({ length: 500 }, (_, index) => view(`m-${index % (100 * n)}-${n}`, 1))
            .concat(view('shared', n))
          const documents = documentsOf(3, deltas)
          await append(store, 3, n, deltas)
          const results = await Promise.all(handles.map((handle) => handle.apply(3, n, documents)))
          expect(sum(results)).toEqual({ applied: documents.length, skipped: 2 * documents.length })
        }
        expect(await top(store, 'view', ALL, 1)).toEqual([['shared', 6]])
        expect(await store.listSeries(MOVIES, null, 'view', 'total', 'all', 'am'))
          .toEqual([{ bucket: 'all', count: 1506 }])
      })

      holds('handles that apply batches of different shards at once lose nothing', async (store, again) => {
        const handles = [store, await again()]
        await Promise.all(Array.from({ length: 8 }, async (_, shard) => {
          const handle = handles[shard % 2]!
          for (let n = 1; n <= 3; n += 1) await flush(handle, shard, n, [view(`m-${shard}`, n), view(`o-${shard}`, 10)])
        }))
        expect(await store.listSeries(MOVIES, null, 'view', 'day', DAY, addDays(DAY, 1)))
          .toEqual([{ bucket: DAY, count: 8 * 36 }])
        expect(await totals(store, ['m-0', 'm-7']))
          .toMatchObject([{ counts: { view: { count: 6 } } }, { seq: 3, shard: 7 }])
      })

      holds('batches in sequence add up, actions and measures apart', async (store) => {
        await flush(store, 3, 1, [view('m-1', 2)])
        await flush(store, 3, 2, [
          view('m-1', 3), delta({ action: 'purchase' }), delta({ action: 'purchase', measure: 'revenue', value: 1999 }),
        ])
        await flush(store, 3, 5, [
          delta({ action: 'purchase', measure: 'revenue', value: 1 }), delta({ action: 'download' }),
        ])
        expect(await totals(store, ['m-1'])).toEqual([{
          ...MOVIES, entityId: 'm-1', shard: 3, seq: 5,
          counts: { view: { count: 5 }, purchase: { count: 1, revenue: 2000 }, download: { count: 1 } },
        }])
      })

      holds('more documents than one transaction holds are applied in full', async (store) => {
        const deltas = Array.from({ length: 1_200 }, (_, index) => view(`m-${index}`, 2))
        const documents = documentsOf(3, deltas)
        await append(store, 3, 1, deltas)
        expect(await store.apply(3, 1, documents)).toEqual({ applied: documents.length, skipped: 0 })
        expect(await store.listSeries(MOVIES, null, 'view', 'year', '2026', '2027'))
          .toEqual([{ bucket: '2026', count: 2_400 }])
      })

      holds('counts stay exact up to 2^53', async (store) => {
        const big = Number.MAX_SAFE_INTEGER
        for (const [n, one, two] of [[1, big - 1, 2 ** 31], [2, 1, 2 ** 31]] as const) {
          await flush(store, 3, n, [view('m-1', one)])
          await flush(store, 4, n, [view('m-2', two)])
        }
        expect(await top(store)).toEqual([['m-1', big], ['m-2', 2 ** 32]])
        expect(await store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 1), 1))
          .toEqual([{ entityId: 'm-1', count: big }])
        expect(await store.listSeries(MOVIES, 'm-1', 'view', 'day', DAY, addDays(DAY, 1)))
          .toEqual([{ bucket: DAY, count: big }])
        expect((await totals(store, ['m-1']))[0]!.counts).toEqual({ view: { count: big } })
        expect(await top(store, 'view', ALL, 5, { entityId: 'm-1', count: big })).toEqual([['m-2', 2 ** 32]])
      })
    })

    describe('top lists', () => {
      holds('the highest count comes first, ties by the bytes of the id', async (store) => {
        // UTF-16 order would put 😀 before U+E000; many collations would mix case, accents and trailing blanks.
        const tied = ['A', 'B', 'a', 'a b', 'ab', 'z', 'é', '\ue000', '😀']
        await flush(store, 3, 1, [...[...tied].reverse().map((id) => view(id, 5)), view('first', 6), view('last', 4)])
        const expected = ['first', ...tied, 'last']
        expect((await top(store)).map(([id]) => id)).toEqual(expected)
        expect((await store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 1), 100)).map((entry) => entry.entityId))
          .toEqual(expected)
      })

      holds('pages join up to the whole list, within ties too', async (store) => {
        const entries = Array.from({ length: 57 }, (_, index) => view(`m-${index}`, 1 + (index % 4)))
        await flush(store, 3, 1, entries)
        const whole = await store.listTop(MOVIES, 'view', ALL, 1_000)
        expect(whole).toHaveLength(57)
        for (const list of [
          (limit: number, after?: TopAfter) => store.listTop(MOVIES, 'view', ALL, limit, after),
          (limit: number, after?: TopAfter) => store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 1), limit, after),
        ]) {
          const paged = []
          for (let after: TopAfter | undefined; ;) {
            const page = await list(5, after)
            paged.push(...page)
            if (page.length < 5) break
            after = page.at(-1)
          }
          expect(paged).toEqual(whole)
        }
      })

      holds('a place in a list need not be an entry', async (store) => {
        await flush(store, 3, 1, [view('a', 9), view('c', 5), view('d', 5), view('e', 1)])
        expect(await top(store, 'view', ALL, 10, { count: 5, entityId: 'b' })).toEqual([['c', 5], ['d', 5], ['e', 1]])
        expect(await top(store, 'view', ALL, 10, { count: 7, entityId: 'zzz' })).toEqual([['c', 5], ['d', 5], ['e', 1]])
      })

      holds('each bucket, action, tenant and type has a list of its own', async (store) => {
        await flush(store, 3, 1, [
          view('m-1', 5), delta({ entityId: 'm-1', bucket: '2026-11-22', value: 7 }),
          delta({ entityId: 'm-2', action: 'download' }),
          delta({ tenant: 'other', value: 100 }), delta({ entityType: 'actress', value: 200 }),
          delta({ domain: 'web', value: 300 }),
          delta({ entityId: 'm-3', action: 'purchase', measure: 'revenue', value: 500 }),
        ])
        expect(await top(store)).toEqual([['m-1', 12]])
        expect(await top(store, 'view', { interval: 'day', bucket: '2026-11-22' })).toEqual([['m-1', 7]])
        expect(await top(store, 'view', { interval: 'week', bucket: '2026-W47' })).toEqual([['m-1', 12]])
        expect(await top(store, 'view', { interval: 'month', bucket: '2026-10' })).toEqual([])
        expect(await top(store, 'download')).toEqual([['m-2', 1]])
        expect(await top(store, 'purchase')).toEqual([]) // a revenue without a count
        expect(await store.listTop({ ...MOVIES, tenant: 'other' }, 'view', ALL, 10))
          .toEqual([{ entityId: 'm-1', count: 100 }])
        expect(await store.listTop({ ...MOVIES, tenant: 'third' }, 'view', ALL, 10)).toEqual([])
        expect(await store.listTopBetween({ ...MOVIES, tenant: 'other' }, 'view', DAY, '2026-12-01', 10))
          .toEqual([{ entityId: 'm-1', count: 100 }])
      })

      holds('a count that a repair brought to 0 is absent', async (store) => {
        await flush(store, 3, 1, [view('gone', 2), view('stays', 1)])
        await flush(store, 3, 2, [view('gone', -2)])
        expect(await top(store)).toEqual([['stays', 1]])
        expect(await store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 1), 10))
          .toEqual([{ entityId: 'stays', count: 1 }])
        expect(await store.listSeries(MOVIES, 'gone', 'view', 'day', DAY, addDays(DAY, 1))).toEqual([])
      })

      holds('a list over days adds them up, from the first to before the last', async (store) => {
        await flush(store, 3, 1, [
          delta({ bucket: '2026-11-20', value: 100 }), delta({ bucket: '2026-11-21', value: 1 }),
          delta({ bucket: '2026-11-22', value: 2 }), delta({ bucket: '2026-11-23', value: 4 }),
          delta({ entityId: 'm-2', bucket: '2026-11-22', value: 3 }),
        ])
        expect(await store.listTopBetween(MOVIES, 'view', '2026-11-21', '2026-11-23', 10))
          .toEqual([{ entityId: 'm-1', count: 3 }, { entityId: 'm-2', count: 3 }])
        expect(await store.listTopBetween(MOVIES, 'view', '2026-11-22', '2026-11-24', 1))
          .toEqual([{ entityId: 'm-1', count: 6 }])
        expect(await store.listTopBetween(MOVIES, 'download', '2026-11-21', '2026-11-23', 10)).toEqual([])
      })

      holds('a list over days takes 400 of them, and refuses more', async (store) => {
        await flush(store, 3, 1, [view('m-1', 1), delta({ bucket: addDays(DAY, 399), value: 2 })])
        expect(await store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 400), 10))
          .toEqual([{ entityId: 'm-1', count: 3 }])
        await expect(store.listTopBetween(MOVIES, 'view', DAY, addDays(DAY, 401), 10))
          .rejects.toMatchObject({ code: 'RANGE_INVALID' })
      })

      holds('an entity id of any kind is counted under itself', async (store) => {
        await flush(store, 3, 1, ODD_IDS.map((id, index) => view(id, index + 1)))
        expect(new Map(await top(store))).toEqual(new Map(ODD_IDS.map((id, index) => [id, index + 1])))
        const found = await totals(store, ODD_IDS)
        expect(new Map(found.map(({ entityId, counts }) => [entityId, counts.view!.count])))
          .toEqual(new Map(ODD_IDS.map((id, index) => [id, index + 1])))
        for (const [index, id] of ODD_IDS.entries()) {
          expect(await store.listSeries(MOVIES, id, 'view', 'year', '2026', '2027'))
            .toEqual([{ bucket: '2026', count: index + 1 }])
        }
      })
    })

    describe('sums', () => {
      const days = (...buckets: string[]) => buckets.map((bucket) => ({ interval: 'day' as const, bucket }))
      const sums = async (store: RollupStore, buckets: readonly BucketOf[], ids?: readonly string[], limit = 100) =>
        Object.fromEntries((await store.listSums(MOVIES, 'view', buckets, limit, ids))
          .map(({ entityId, count }) => [entityId, count]))
      const fill = (store: RollupStore) => flush(store, 3, 1, [
        view('m-1', 1), view('m-2', 5), delta({ bucket: '2026-11-22', value: 10 }),
        delta({ entityId: 'm-2', bucket: '2026-12-01', value: 3 }), delta({ entityId: 'm-3', bucket: '2026-12-02' }),
        delta({ entityId: 'm-4', action: 'download', value: 4 }), delta({ action: 'download' }),
        delta({ tenant: 'other', value: 99 }), delta({ entityType: 'actress', value: 98 }),
      ])

      holds('counts add up by entity over buckets of any interval', async (store) => {
        await fill(store)
        expect(await sums(store, [ALL])).toEqual({ 'm-1': 11, 'm-2': 8, 'm-3': 1 })
        expect(await sums(store, days(DAY))).toEqual({ 'm-1': 1, 'm-2': 5 })
        expect(await sums(store, [{ interval: 'month', bucket: '2026-11' }, ...days('2026-12-02')]))
          .toEqual({ 'm-1': 11, 'm-2': 5, 'm-3': 1 })
        expect(await sums(store, [])).toEqual({})
      })

      holds('sums of chosen ids leave the others out, and a limit holds', async (store) => {
        await fill(store)
        const both = days(DAY, '2026-11-22')
        expect(await sums(store, both, ['m-1', 'm-1', 'm-4', 'none'])).toEqual({ 'm-1': 11 })
        expect(await sums(store, both, [])).toEqual({})
        expect(Object.keys(await sums(store, [ALL], undefined, 2))).toHaveLength(2)
        await flush(store, 3, 2, ODD_IDS.map((id, index) => view(id, index + 1)))
        expect(await sums(store, [ALL], ODD_IDS))
          .toEqual(Object.fromEntries(ODD_IDS.map((id, index) => [id, index + 1])))
      })

      holds('a count that a repair brought to 0 is in no sum', async (store) => {
        await fill(store)
        await flush(store, 3, 2, [view('m-2', -5)])
        expect(await sums(store, days(DAY))).toEqual({ 'm-1': 1 })
        expect(await store.countEntities(MOVIES, ['view'], days(DAY))).toBe(1)
      })

      holds('an entity counts once, in however many buckets and by however many actions', async (store) => {
        await fill(store)
        const count = (actions: string[], buckets: readonly BucketOf[]) => store.countEntities(MOVIES, actions, buckets)
        expect(await count(['view'], [ALL])).toBe(3)
        expect(await count(['view'], days(DAY, '2026-11-22'))).toBe(2)
        expect(await count(['view', 'download'], days(DAY))).toBe(3)
        expect(await count(['download'], days(DAY))).toBe(2)
        expect(await count(['purchase'], [ALL])).toBe(0)
        expect([await count([], [ALL]), await count(['view'], [])]).toEqual([0, 0])
      })

      holds('a place in a top list has as many entries before it as the list shows', async (store) => {
        await flush(store, 3, 1, [...['A', 'a', 'é', '\ue000', '😀'].map((id) => view(id, 5)), view('top', 9), view('z', 1)])
        const list = await store.listTop(MOVIES, 'view', ALL, 100)
        expect(list).toHaveLength(7)
        for (const [index, entry] of list.entries()) {
          expect(await store.countBefore(MOVIES, 'view', ALL, entry), entry.entityId).toBe(index)
        }
        expect(await store.countBefore(MOVIES, 'view', ALL, { count: 0, entityId: '' })).toBe(7)
        expect(await store.countBefore(MOVIES, 'download', ALL, { count: 1, entityId: 'A' })).toBe(0)
      })
    })

    describe('series and totals', () => {
      holds('the series of an entity is ascending, without the buckets that have no count', async (store) => {
        await flush(store, 3, 1, [
          delta({ bucket: '2026-11-23', value: 3 }), delta({ bucket: '2026-11-20', value: 1 }),
          delta({ bucket: '2026-11-21', action: 'download' }), delta({ bucket: '2027-02-01', value: 9 }),
          delta({ entityId: 'm-2', value: 50 }),
        ])
        const series = (interval: 'day' | 'week' | 'month' | 'year', from: string, to: string) =>
          store.listSeries(MOVIES, 'm-1', 'view', interval, from, to)
        expect(await series('day', '2026-11-20', '2026-11-24'))
          .toEqual([{ bucket: '2026-11-20', count: 1 }, { bucket: '2026-11-23', count: 3 }])
        expect(await series('day', '2026-11-20', '2026-11-23')).toEqual([{ bucket: '2026-11-20', count: 1 }])
        expect(await series('week', '2026-W47', '2026-W49'))
          .toEqual([{ bucket: '2026-W47', count: 1 }, { bucket: '2026-W48', count: 3 }])
        expect(await series('month', '2026-11', '2027-03'))
          .toEqual([{ bucket: '2026-11', count: 4 }, { bucket: '2027-02', count: 9 }])
        expect(await series('year', '2000', '2100'))
          .toEqual([{ bucket: '2026', count: 4 }, { bucket: '2027', count: 9 }])
      })

      holds('the series of all entities is the sum over the shards', async (store) => {
        for (const shard of [0, 1, 100, 255]) {
          await flush(store, shard, 1, [
            view(`m-${shard}`, 2), view(`o-${shard}`, 3), delta({ bucket: '2026-11-22', value: 1 }),
          ])
        }
        await flush(store, 9, 1, [delta({ tenant: 'other', value: 1_000 }), delta({ action: 'download', value: 7 })])
        expect(await store.listSeries(MOVIES, null, 'view', 'day', '2026-11-01', '2026-12-01'))
          .toEqual([{ bucket: '2026-11-21', count: 20 }, { bucket: '2026-11-22', count: 4 }])
        expect(await store.listSeries(MOVIES, null, 'download', 'day', '2026-11-01', '2026-12-01'))
          .toEqual([{ bucket: '2026-11-21', count: 7 }])
      })

      holds('a pack with hours has an hour series', async (store) => {
        const hours = [delta({ bucket: '2026-11-21T09' }), delta({ bucket: '2026-11-21T14', value: 2 })]
        await flush(store, 3, 1, hours, 'hour')
        for (const entityId of ['m-1', null]) {
          expect(await store.listSeries(MOVIES, entityId, 'view', 'hour', '2026-11-21T09', '2026-11-21T15'))
            .toEqual([{ bucket: '2026-11-21T09', count: 1 }, { bucket: '2026-11-21T14', count: 2 }])
          expect(await store.listSeries(MOVIES, entityId, 'view', 'day', DAY, addDays(DAY, 1)))
            .toEqual([{ bucket: DAY, count: 3 }])
        }
      })

      holds('totals are those of the entities asked for that have any', async (store) => {
        await flush(store, 3, 1, [
          view('m-1', 2), view('m-2', 3), view('m-3', 4), delta({ tenant: 'other', value: 99 }),
        ])
        expect(await totals(store, ['m-3', 'm-1', 'none', 'm-1'])).toEqual([
          { ...MOVIES, entityId: 'm-1', shard: 3, seq: 1, counts: { view: { count: 2 } } },
          { ...MOVIES, entityId: 'm-3', shard: 3, seq: 1, counts: { view: { count: 4 } } },
        ])
        expect(await totals(store, [])).toEqual([])
        const thousand = Array.from({ length: 1_000 }, (_, index) => `m-${index}`)
        expect(await totals(store, thousand)).toHaveLength(3)
      })

      holds('the active days of an entity are its first and its last with a count', async (store) => {
        await flush(store, 3, 1, [
          view('m-1'), delta({ bucket: '2025-02-03' }), delta({ bucket: '2026-12-24', action: 'download' }),
        ])
        await flush(store, 3, 2, [view('m-2'), delta({ tenant: 'other', bucket: '2020-01-01' })])
        expect(await store.findActiveDays(MOVIES, 'm-1')).toEqual({ first: '2025-02-03', last: '2026-12-24' })
        expect(await store.findActiveDays(MOVIES, 'm-2')).toEqual({ first: DAY, last: DAY })
        expect(await store.findActiveDays(MOVIES, 'm-3')).toBeUndefined()
      })

      holds('a tenant has counts once one of its events is applied', async (store) => {
        expect(await store.hasCounts('default')).toBe(false)
        await append(store, 3, 1, [view('m-1')])
        expect(await store.hasCounts('default')).toBe(false)
        await flush(store, 3, 2, [view('m-1')])
        expect(await store.hasCounts('default')).toBe(true)
        expect(await store.hasCounts('defaul')).toBe(false)
        expect(await store.hasCounts('other')).toBe(false)
      })

      holds('what is kept beside the documents says what they say, also where counts became zero or were copied', async (store) => {
        await flush(store, 3, 1, [view('m-1', 2), view('m-2'), delta({ action: 'download' })])
        await flush(store, 3, 2, [view('m-2', -1), view('m-3')])
        const documents: RollupDocument[] = []
        for await (const document of store.scan(3)) documents.push({ ...document, counts: { view: { count: 1 } } })
        await store.putCopies(documents)
        expect(await Array.fromAsync(store.scanListFaults())).toEqual([])
        expect(await store.repairLists()).toBe(0)
      })
    })

    describe('changes and scans', () => {
      holds('changed totals are paged by (seq, id), with many of one seq', async (store) => {
        const ids = Array.from({ length: 23 }, (_, index) => `m-${index}`)
        await flush(store, 3, 1, ids.map((id) => view(id)))
        await flush(store, 3, 2, [view('m-3', 4), view('new', 1)])
        await flush(store, 4, 2, [view('elsewhere')])
        const pages = await changes(store, 3, 0, 2, 5)
        expect(pages.every((page) => page.length <= 5)).toBe(true)
        const listed = pages.flat()
        expect(listed.map(({ entityId }) => entityId).sort()).toEqual([...ids, 'new'].sort())
        expect(listed.map(({ seq }) => seq)).toEqual([...Array(22).fill(1), 2, 2])
        expect(listed.find(({ entityId }) => entityId === 'm-3'))
          .toEqual({ ...MOVIES, entityId: 'm-3', shard: 3, seq: 2, counts: { view: { count: 5 } } })
      })

      holds('changed totals keep to the range of batches', async (store) => {
        for (let n = 1; n <= 4; n += 1) await flush(store, 3, n, [view(`m-${n}`), view('always')])
        const ids = async (after: number, upTo: number) =>
          (await changes(store, 3, after, upTo, 100)).flat().map(({ entityId }) => entityId).sort()
        expect(await ids(0, 4)).toEqual(['always', 'm-1', 'm-2', 'm-3', 'm-4'])
        expect(await ids(1, 3)).toEqual(['m-2', 'm-3'])
        expect(await ids(3, 4)).toEqual(['always', 'm-4'])
        expect(await ids(4, 4)).toEqual([])
        expect(await ids(4, 100)).toEqual([])
      })

      holds('a scan sees every document of its shard once, and no other', async (store) => {
        const deltas = Array.from({ length: 700 }, (_, index) => view(`m-${index}`, index + 1))
        await flush(store, 3, 1, deltas)
        await flush(store, 4, 1, [view('elsewhere')])
        const documents = await collect(store.scan(3))
        const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
        expect(documents.sort(byId)).toEqual(documentsOf(3, deltas).map((document) => ({ ...document, seq: 1 })))
        expect(await collect(store.scan(5))).toEqual([])
      })

      holds('a scan that is left early can be started again', async (store) => {
        await flush(store, 3, 1, Array.from({ length: 50 }, (_, index) => view(`m-${index}`)))
        for await (const document of store.scan(3)) {
          expect(document.shard).toBe(3)
          break
        }
        expect(await collect(store.scan(3))).toHaveLength(50 * 5 + 5)
      })
    })

    describe('dead deltas', () => {
      holds('the dead deltas of a batch are kept once', async (store, again) => {
        const dead = [
          { delta: view('m-1', 3), reason: 'too deep' },
          { delta: delta({ action: 'purchase', measure: 'revenue', value: 999 }), reason: 'no event' },
          { delta: delta({ tenant: 'other', value: 5 }), reason: 'too deep' },
        ]
        expect(await store.appendDead(3, 1, dead)).toBe(true)
        expect(await (await again()).appendDead(3, 1, dead)).toBe(false)
        expect(await store.appendDead(3, 1, [{ delta: view('m-9', 9), reason: 'late' }])).toBe(false)
        expect(await store.appendDead(3, 2, [{ delta: view('m-9', 9), reason: 'next' }])).toBe(true)
        expect(await store.appendDead(4, 1, [{ delta: view('m-9', 1), reason: 'next' }])).toBe(true)
        const listed = (await store.listDead()).map(({ shard, tenant, events }) => [shard, tenant, events])
        expect(listed.sort()).toEqual([[3, 'default', 12], [3, 'other', 5], [4, 'default', 1]])
      })
    })

    describe('handles', () => {
      holds('another handle sees a write at once', async (store, again) => {
        const other = await again()
        await flush(store, 3, 1, [view('m-1', 2)])
        expect(await top(other)).toEqual([['m-1', 2]])
        expect((await other.findManifest(3, 1))?.state).toBe('done')
      })

      holds('a closed store rejects with STORE_UNAVAILABLE', async (store) => {
        await flush(store, 3, 1, [view('m-1')])
        await store[Symbol.asyncDispose]()
        const closed = { code: 'STORE_UNAVAILABLE' }
        await expect(store.findManifest(3, 1)).rejects.toMatchObject(closed)
        await expect(append(store, 3, 2, [view('m-1')])).rejects.toMatchObject(closed)
        await expect(store.apply(3, 1, documentsOf(3, [view('m-1')]))).rejects.toMatchObject(closed)
        await expect(store.listTop(MOVIES, 'view', ALL, 10)).rejects.toMatchObject(closed)
        await expect(collect(store.scan(3))).rejects.toMatchObject(closed)
      })
    })
  })
}

function delta(part: Partial<Delta>): Delta {
  return { ...MOVIES, entityId: 'm-1', action: 'view', measure: 'count', bucket: DAY, value: 1, ...part }
}

function view(entityId: string, value = 1): Delta {
  return delta({ entityId, value })
}

function documentsOf(shard: number, deltas: readonly Delta[], finest: 'day' | 'hour' = 'day') {
  return groupDeltas('contract', shard, deltas, () => finest)
}

function manifestOf(shard: number, n: number, deltas: readonly Delta[]): Manifest {
  const events = { ...eventsByTenant(deltas) }
  return {
    shard, n, kind: 'flush', name: `batch-${n}`, checksum: checksumOf(deltas), events, running: { ...events, earlier: 40 },
    deltaCount: deltas.length, state: 'open', createdAt: CREATED_AT, doneAt: undefined, jobId: `flush-${shard}-${n}`,
  }
}

function append(store: RollupStore, shard: number, n: number, deltas: readonly Delta[]): Promise<Manifest> {
  return store.appendManifest(manifestOf(shard, n, deltas), deltas)
}

/** Manifest, apply, finish: a whole batch. */
async function flush(
  store: RollupStore, shard: number, n: number, deltas: readonly Delta[], finest: 'day' | 'hour' = 'day',
): Promise<void> {
  await append(store, shard, n, deltas)
  await store.apply(shard, n, documentsOf(shard, deltas, finest))
  await store.finishManifest(shard, n, DONE_AT)
}

async function top(
  store: RollupStore, action = 'view', bucket: BucketOf = ALL, limit = 100, after?: TopAfter,
): Promise<[string, number][]> {
  return (await store.listTop(MOVIES, action, bucket, limit, after)).map(({ entityId, count }) => [entityId, count])
}

async function totals(store: RollupStore, ids: readonly string[]): Promise<EntityTotals[]> {
  return (await store.listTotals(MOVIES, ids)).sort((a, b) => (a.entityId < b.entityId ? -1 : 1))
}

async function changes(store: RollupStore, shard: number, after: number, upTo: number, limit: number) {
  const pages: EntityTotals[][] = []
  let cursor: string | undefined
  do {
    const page = await store.listChangedTotals(shard, after, upTo, limit, cursor)
    pages.push(page.totals)
    cursor = page.cursor
  } while (cursor !== undefined)
  return pages
}

async function collect(documents: AsyncIterable<RollupDocument>): Promise<RollupDocument[]> {
  const collected: RollupDocument[] = []
  for await (const document of documents) collected.push(document)
  return collected
}

function sum(results: readonly ApplyResult[]): ApplyResult {
  return {
    applied: results.reduce((total, { applied }) => total + applied, 0),
    skipped: results.reduce((total, { skipped }) => total + skipped, 0),
  }
}

/** Deltas in an order that does not depend on the store. */
function sorted(deltas: readonly Delta[] | undefined): Delta[] {
  return [...(deltas ?? [])].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
