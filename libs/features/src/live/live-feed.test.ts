import { LIVE_SLICES_MS, type LiveEvent, type LiveRead } from '@tallyfleet/ports'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LiveFeed } from './live-feed.ts'
import { LiveTally } from './live-tally.ts'

const NOW = Date.UTC(2026, 10, 21, 10)
const event = (id: string): LiveEvent =>
  ({ domain: 'jav', entity_type: 'movie', entity_id: id, action: 'view', occurred_at: new Date(NOW).toISOString(), event_id: 'e' })
/** A slice of events at times after NOW, left at the last one. */
function readOf(events: readonly { id: string; atMs: number }[], leftAtMs: number): LiveRead {
  const tally = new LiveTally()
  for (const { id, atMs } of events) tally.note('default', event(id), new Date(NOW + atMs))
  const slices = [...tally.take(new Date(NOW + leftAtMs)).values()].map((slice) => ({ at: NOW + leftAtMs, slice }))
  return { slices, counts: [], now: NOW + leftAtMs, cursor: '' }
}

test('what is shown is the count of the last five minutes, whatever came before and in whatever slices', () => {
  const beat = fc.record({ afterMs: fc.integer({ min: 0, max: 200_000 }), ids: fc.array(fc.constantFrom(...'abcdefghijklmn|'), { maxLength: 8 }) })
  fc.assert(fc.property(fc.array(beat, { maxLength: 12 }), (beats) => {
    const feed = new LiveFeed()
    const all: { id: string; at: number }[] = []
    let at = 0
    for (const { afterMs, ids } of beats) {
      at += afterMs
      feed.advance(readOf(ids.map((id) => ({ id, atMs: at })), at))
      all.push(...ids.map((id) => ({ id, at })))
    }
    const { top, active } = feed.snapshot()
    const counts = [...Map.groupBy(all.filter((one) => one.at > at - LIVE_SLICES_MS), ({ id }) => id)]
      .map(([id, list]) => [id, list.length] as const).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    expect(active).toBe(counts.length)
    expect(top.map(({ entity_id, count }) => [entity_id, count])).toEqual(counts.slice(0, 10))
  }))
})

test('an event stands in its own second, however late its slice is left', () => {
  const feed = new LiveFeed()
  const delta = feed.advance(readOf([{ id: 'a', atMs: 100 }, { id: 'a', atMs: 950 }, { id: 'a', atMs: 2_050 }], 2_300))
  expect(delta!.seconds).toEqual([[NOW / 1_000, 2], [NOW / 1_000 + 2, 1]])
})

test('a read without news changes nothing, and one that only forgets does', () => {
  const feed = new LiveFeed()
  expect(feed.advance(readOf([{ id: 'a', atMs: 0 }], 0))).toMatchObject({ seq: 1, active: 1, lagMs: 0 })
  expect(feed.advance(readOf([], 1_000))).toBeUndefined()
  expect(feed.advance(readOf([], 11_000))).toMatchObject({ seq: 2, lagMs: null }) // the sample of the lag is over
  expect(feed.advance(readOf([], LIVE_SLICES_MS + 1))).toMatchObject({ seq: 3, active: 0, top: [] })
  expect(feed.snapshot().counts.perSecond.reduce((sum, count) => sum + count, 0)).toBe(1)
  feed.advance(readOf([], 31 * 60_000))
  expect(feed.snapshot().counts.perSecond.every((count) => count === 0)).toBe(true)
})

test('a thousand entities are named for a slice, the most counted ones, and then it says so', () => {
  const tally = new LiveTally()
  for (let id = 0; id < 1_500; id++) for (let time = 0; time <= id % 3; time++) tally.note('default', event(String(id)), new Date(NOW))
  const slice = tally.take(new Date(NOW)).get('default')!
  expect(slice).toMatchObject({ isCut: true, bursts: [[0, 3_000]] })
  expect(slice.entities).toHaveLength(1_000)
  expect(Math.min(...slice.entities.map(([, count]) => count))).toBe(2)
  expect(tally.take(new Date(NOW)).size).toBe(0)
})
