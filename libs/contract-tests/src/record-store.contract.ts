import type { RecordsOf, RecordStore } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

const SEGMENTS: RecordsOf = { tenant: 'default', kind: 'segment' }
const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 10, minute))

/** Every RecordStore passes this. `open` gives a fresh, empty one each time. */
export function recordStoreContract(adapter: string, open: () => Promise<Opened<RecordStore>>, skips: Skips = {}): void {
  describe(`RecordStore contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)

    holds('a record comes back as it was put, and is replaced by the next put, which keeps its birth', async (store, again) => {
      await store.put(SEGMENTS, { id: 's-1', owner: 'user:1', body: { name: 'é 😀 "', list: [1, null] } }, at(0))
      await store.put(SEGMENTS, { id: 's-1', owner: 'user:2', body: { name: 'new' } }, at(5))
      expect(await (await again()).find(SEGMENTS, 's-1'))
        .toEqual({ id: 's-1', owner: 'user:2', body: { name: 'new' }, createdAt: at(0), updatedAt: at(5) })
      expect(await store.find(SEGMENTS, 'S-1')).toBeUndefined()
    })

    holds('tenants and kinds do not mix, and lists go by the bytes of ids, both ways', async (store) => {
      for (const id of ['b', 'a', 'B', 'c']) await store.put(SEGMENTS, { id, owner: 'o', body: id }, at(0))
      await store.put({ ...SEGMENTS, tenant: 'other' }, { id: 'a', owner: 'o', body: 1 }, at(0))
      await store.put({ ...SEGMENTS, kind: 'segment:x' }, { id: 'z', owner: 'o', body: 1 }, at(0))
      const ids = async (range: Parameters<RecordStore['list']>[1]) => (await store.list(SEGMENTS, range)).map(({ id }) => id).join('')
      expect(await ids({ limit: 10 })).toBe('Babc')
      expect(await ids({ limit: 2, after: 'B' })).toBe('ab')
      expect(await ids({ limit: 2, after: 'c', descending: true })).toBe('ba')
      expect(await ids({ limit: 1, descending: true })).toBe('c')
      expect(await store.count(SEGMENTS)).toBe(4)
      expect(await store.count({ ...SEGMENTS, kind: 'none' })).toBe(0)
    })

    holds('a record is deleted once', async (store) => {
      await store.put(SEGMENTS, { id: 'a', owner: 'o', body: {} }, at(0))
      expect(await store.delete({ ...SEGMENTS, tenant: 'other' }, 'a')).toBe(false)
      expect(await store.delete(SEGMENTS, 'a')).toBe(true)
      expect(await store.delete(SEGMENTS, 'a')).toBe(false)
      expect(await store.find(SEGMENTS, 'a')).toBeUndefined()
    })

    holds('a body above 256 KiB is refused', async (store) => {
      const body = 'x'.repeat(262_144)
      await expect(store.put(SEGMENTS, { id: 'a', owner: 'o', body }, at(0))).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    })
  })
}
