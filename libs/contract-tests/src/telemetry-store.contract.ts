import type { JobEvent, TelemetryStore } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

const START = Date.UTC(2026, 10, 21, 10)
const at = (seconds: number) => new Date(START + seconds * 1_000)
const ALL = { tenants: ['default'], from: at(-3_600), to: at(86_400) }

let serial = 0

function event(part: Partial<JobEvent> = {}): JobEvent {
  return {
    tenant: 'default', source: 'api', id: `e-${++serial}`, type: 'completed', queue: 'crawl', job: 'fetch',
    jobId: undefined, at: at(0), durationMs: undefined, attempt: undefined, worker: undefined, reason: undefined, ...part,
  }
}

/** Every TelemetryStore passes this. `open` gives a fresh, empty one each time. */
export function telemetryStoreContract(
  adapter: string, open: () => Promise<Opened<TelemetryStore>>, skips: Skips = {},
): void {
  describe(`TelemetryStore contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)

    holds('an event is kept once by its id, also within one call; other tenants and sources have their own', async (store) => {
      expect(await store.append([event({ id: 'a' }), event({ id: 'a', queue: 'other' }), event({ id: 'A' })])).toBe(2)
      expect(await store.append([event({ id: 'a' }), event({ id: 'b' })])).toBe(1)
      expect(await store.append([event({ id: 'a', source: 'fleet' }), event({ id: 'a', tenant: 'shop' })])).toBe(2)
      expect(await store.append([])).toBe(0)
      expect((await store.summarize(ALL, { by: [] }))[0]!.count).toBe(4)
      expect(await store.summarize({ ...ALL, source: 'fleet' }, { by: ['queue'] }))
        .toEqual([{ queue: 'crawl', count: 1, firstAt: at(0), lastAt: at(0) }])
      expect((await store.summarize({ ...ALL, tenants: ['shop'] }, { by: [] }))[0]!.count).toBe(1)
      expect((await store.summarize({ ...ALL, tenants: ['shop', 'default'] }, { by: [] }))[0]!.count).toBe(5)
      expect(await store.summarize({ ...ALL, tenants: ['nobody'] }, { by: [] })).toEqual([])
    })

    holds('groups count by any parts and by bucket, and the end of a range is outside', async (store) => {
      await store.append([
        event({ at: at(0), worker: 'w-1' }), event({ at: at(59), worker: 'w-1' }), event({ at: at(60), worker: 'w-2' }),
        event({ at: at(61), type: 'failed', reason: 'HTTP 429' }), event({ at: at(120), queue: 'sync', type: 'failed', reason: 'HTTP 429' }),
        event({ at: at(600) }),
      ])
      const range = { ...ALL, from: at(0), to: at(600) }
      expect(await store.summarize(range, { by: ['type'] })).toEqual([
        { type: 'completed', count: 3, firstAt: at(0), lastAt: at(60) },
        { type: 'failed', count: 2, firstAt: at(61), lastAt: at(120) },
      ])
      const buckets = await store.summarize({ ...range, queue: 'crawl' }, { by: ['type'], bucketMs: 60_000 })
      expect(buckets.map(({ bucketAt, type, count }) => [bucketAt, type, count]).sort((a, b) => Number(a[0]) - Number(b[0]) || String(a[1]).localeCompare(String(b[1]))))
        .toEqual([[at(0), 'completed', 2], [at(60), 'completed', 1], [at(60), 'failed', 1]])
      expect((await store.summarize({ ...range, types: ['failed'] }, { by: ['reason'] }))[0]).toMatchObject({ reason: 'HTTP 429', count: 2 })
      expect((await store.summarize(range, { by: ['worker'] })).map(({ worker, count }) => [worker, count]).sort())
        .toEqual([['w-1', 2], ['w-2', 1], [null, 2]].sort())
    })

    holds('percentiles are by nearest rank, of those that have a duration', async (store) => {
      const durations = Array.from({ length: 20 }, (_, n) => (n + 1) * 10.5)
      await store.append([
        ...durations.reverse().map((durationMs) => event({ durationMs })), event(), event({ queue: 'sync', durationMs: 7 }),
        event({ queue: 'none' }),
      ])
      const found = await store.listPercentiles(ALL, { by: ['queue'] })
      expect(found.sort((a, b) => a.p50Ms - b.p50Ms)).toEqual([
        { queue: 'sync', p50Ms: 7, p95Ms: 7 }, { queue: 'crawl', p50Ms: 105, p95Ms: 199.5 },
      ])
      expect(await store.listPercentiles({ ...ALL, queue: 'sync' }, { by: [] })).toEqual([{ p50Ms: 7, p95Ms: 7 }])
      expect((await store.listPercentiles(ALL, { by: ['queue'], bucketMs: 3_600_000 }))[0]!.bucketAt).toEqual(at(0))
      expect(await store.listPercentiles({ ...ALL, tenants: ['nobody'] }, { by: [] })).toEqual([])
    })

    holds('old events are deleted, of every tenant', async (store) => {
      await store.append(Array.from({ length: 1_000 }, (_, n) => event({ at: at(n) })))
      await store.append(Array.from({ length: 500 }, (_, n) => event({ at: at(-n), tenant: 'shop' })))
      expect(await store.deleteBefore(at(900))).toBe(1_400)
      expect((await store.summarize(ALL, { by: [] }))[0]).toEqual({ count: 100, firstAt: at(900), lastAt: at(999) })
      expect(await store.deleteBefore(at(0))).toBe(0)
    })
  })
}
