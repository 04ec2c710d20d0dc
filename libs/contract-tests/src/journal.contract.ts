import type { Journal } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

/** Every Journal passes this. `open` gives a fresh, empty one each time. */
export function journalContract(adapter: string, open: () => Promise<Opened<Journal>>, skips: Skips = {}): void {
  describe(`Journal contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)

    holds('a claim has exactly one winner, over several handles too', async (journal, again) => {
      const handles = [journal, await again()]
      const claims = await Promise.all(Array.from({ length: 20 }, (_, index) =>
        handles[index % 2]!.claim('tick', '2026-11-21T10:00:00Z', { by: index }).then((won) => ({ won, index }))))
      const winners = claims.filter(({ won }) => won)
      expect(winners).toHaveLength(1)
      expect(await journal.find('tick', '2026-11-21T10:00:00Z')).toEqual({ by: winners[0]!.index })
      expect(await journal.claim('tick', '2026-11-21T10:00:00Z', { by: 'late' })).toBe(false)
    })

    holds('put inserts, then replaces', async (journal) => {
      await journal.put('schedule', 'flush', { everyMs: 60_000 })
      await journal.put('schedule', 'flush', { everyMs: 5_000 })
      expect(await journal.find('schedule', 'flush')).toEqual({ everyMs: 5_000 })
      expect(await journal.list('schedule', { limit: 10 })).toHaveLength(1)
    })

    holds('a body comes back as the JSON it was', async (journal) => {
      const body = {
        text: 'quote " slash \\ dollar $x dot a.b é 😀', 'key.with.dots': 1, $dollar: [null, true, -1.5, [], {}],
        big: Number.MAX_SAFE_INTEGER, nested: { deep: { deeper: [{ deepest: '' }] } }, '': 'empty key',
      }
      await journal.put('parity', 'one', body)
      expect(await journal.find('parity', 'one')).toEqual(body)
      for (const [id, plain] of Object.entries({ text: 'a', number: 0, no: false, none: null, list: [1, 'b'] })) {
        await journal.put('plain', id, plain)
        expect(await journal.find('plain', id)).toEqual(plain)
      }
    })

    holds('a record that is not there is undefined', async (journal) => {
      expect(await journal.find('tick', 'none')).toBeUndefined()
      expect(await journal.list('tick', { limit: 10 })).toEqual([])
    })

    holds('a body of 1 MiB is kept, a larger one refused', async (journal) => {
      const text = 'x'.repeat(1_048_576 - 2)
      await journal.put('large', 'fits', text)
      expect(await journal.find('large', 'fits')).toBe(text)
      await expect(journal.put('large', 'over', `${text}x`)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
      await expect(journal.claim('large', 'over', `${text}x`)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
      expect(await journal.find('large', 'over')).toBeUndefined()
    })

    holds('swap replaces only what equals the expected body as JSON', async (journal) => {
      await journal.put('import', 'one', { line: 1, state: { done: false } })
      expect(await journal.swap('import', 'one', { line: 0, state: { done: false } }, { line: 9 })).toBe(false)
      expect(await journal.swap('import', 'one', { line: 1 }, { line: 9 })).toBe(false)
      expect(await journal.find('import', 'one')).toEqual({ line: 1, state: { done: false } })
      const same = { state: { done: false }, line: 1, absent: undefined }
      expect(await journal.swap('import', 'one', same, { line: 2 })).toBe(true)
      expect(await journal.find('import', 'one')).toEqual({ line: 2 })
      expect(await journal.swap('import', 'two', undefined, { line: 1 })).toBe(false)
      expect(await journal.find('import', 'two')).toBeUndefined()
    })

    holds('swaps from the same body have exactly one winner', async (journal, again) => {
      const handles = [journal, await again()]
      await journal.put('lease', 'one', { holder: 'nobody' })
      const swaps = await Promise.all(Array.from({ length: 20 }, (_, holder) =>
        handles[holder % 2]!.swap('lease', 'one', { holder: 'nobody' }, { holder })))
      expect(swaps.filter(Boolean)).toHaveLength(1)
      expect(await journal.find('lease', 'one')).toEqual({ holder: swaps.indexOf(true) })
    })

    holds('list answers a range by the bytes of the ids, either way, up to the limit', async (journal) => {
      // UTF-16 order would put 😀 (a surrogate pair) before the private-use character U+E000.
      const ordered = ['A', 'a', 'a ', 'a.b', 'b', 'z', 'é', '\ue000', '😀']
      for (const id of [...ordered].reverse()) await journal.put('order', id, { id })
      const ids = async (range: Parameters<Journal['list']>[1]) =>
        (await journal.list('order', range)).map((record) => record.id)

      expect(await ids({ limit: 100 })).toEqual(ordered)
      expect(await ids({ limit: 100, descending: true })).toEqual([...ordered].reverse())
      expect(await ids({ limit: 2 })).toEqual(['A', 'a'])
      expect(await ids({ limit: 2, descending: true })).toEqual(['😀', '\ue000'])
      expect(await ids({ from: 'a', to: 'z', limit: 100 })).toEqual(['a', 'a ', 'a.b', 'b'])
      expect(await ids({ from: 'a', to: 'z', limit: 2, descending: true })).toEqual(['b', 'a.b'])
      expect(await ids({ from: 'z', limit: 2 })).toEqual(['z', 'é'])
      expect(await ids({ to: 'a', limit: 2 })).toEqual(['A'])
      expect(await journal.list('order', { from: 'b', limit: 1 })).toEqual([{ id: 'b', body: { id: 'b' } }])
    })

    holds('deleteBefore deletes lower ids of its kind alone', async (journal) => {
      for (const id of ['2026-01', '2026-02', '2026-03']) {
        await journal.put('minute', id, id)
        await journal.put('tick', id, id)
      }
      expect(await journal.deleteBefore('minute', '2026-03')).toBe(2)
      expect(await journal.deleteBefore('minute', '2026-03')).toBe(0)
      expect(await journal.list('minute', { limit: 10 })).toEqual([{ id: '2026-03', body: '2026-03' }])
      expect(await journal.list('tick', { limit: 10 })).toHaveLength(3)
    })

    holds('deleteBefore with a start deletes nothing below it', async (journal) => {
      for (const id of ['a|1', 'b|1', 'b|2', 'c|1']) await journal.put('tick', id, id)
      expect(await journal.deleteBefore('tick', 'b|2', 'b|')).toBe(1)
      expect((await journal.list('tick', { limit: 10 })).map(({ id }) => id)).toEqual(['a|1', 'b|2', 'c|1'])
    })

    holds('the kinds are those that have a record', async (journal) => {
      expect(await journal.listKinds()).toEqual([])
      for (const kind of ['tick', 'a:b', 'a', 'minute']) for (const id of ['', '1', '2']) await journal.put(kind, id, id)
      await journal.deleteBefore('minute', '~')
      expect(await journal.listKinds()).toEqual(['a', 'a:b', 'tick'])
    })

    holds('kinds do not mix', async (journal) => {
      expect(await journal.claim('a', 'b:c', 1)).toBe(true)
      expect(await journal.claim('a:b', 'c', 2)).toBe(true)
      expect(await journal.claim('b', 'b:c', 3)).toBe(true)
      expect(await journal.find('a', 'b:c')).toBe(1)
      expect(await journal.find('a:b', 'c')).toBe(2)
      expect(await journal.list('a', { limit: 10 })).toEqual([{ id: 'b:c', body: 1 }])
    })

    holds('another handle sees a write at once', async (journal, again) => {
      const other = await again()
      await journal.put('schedule', 'flush', 1)
      expect(await other.find('schedule', 'flush')).toBe(1)
      expect(await other.claim('schedule', 'flush', 2)).toBe(false)
    })

    holds('a closed journal rejects with STORE_UNAVAILABLE', async (journal) => {
      await journal[Symbol.asyncDispose]()
      const closed = { code: 'STORE_UNAVAILABLE' }
      await expect(journal.find('a', 'b')).rejects.toMatchObject(closed)
      await expect(journal.put('a', 'b', 1)).rejects.toMatchObject(closed)
      await expect(journal.claim('a', 'b', 1)).rejects.toMatchObject(closed)
    })
  })
}
