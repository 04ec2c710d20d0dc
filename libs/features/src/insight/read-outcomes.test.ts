import type { MinuteCounts } from '@tallyfleet/domain'
import type { HotStore, Journal } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { visitMinutes } from '../ledger/visit-minutes.ts'
import { listOutcomesByDay } from './read-outcomes.ts'

const counted = (n: number): MinuteCounts => ({ counted: n, duplicate: 0, rejected: 0, quarantined: 0 })
const minuteAt = (at: string) => Date.parse(at) / 60_000

/** The minutes that Redis and the journal hold, and how often Redis was asked for all of its own. */
function ledgerOf({ open, closed, now, onRead }: {
  open: Record<string, number>; closed: Record<string, number>; now: string; onRead?: () => void
}) {
  const asked = { open: 0 }
  const hot = {
    listOpenMinutes: async () => {
      asked.open += 1
      const rows = Object.entries(open).map(([at, n]) => ({ tenant: 'acme', minute: minuteAt(at), counts: counted(n) }))
      onRead?.()
      return rows
    },
    currentMinute: async () => minuteAt(now),
  } as Partial<HotStore> as HotStore
  const journal = {
    list: async (_kind: string, { from = '', to = '~~', limit }: { from?: string; to?: string; limit: number }) => {
      const page = Object.entries(closed).map(([at, n]) => ({ id: `acme|${at.slice(0, 16)}`, body: counted(n) }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)).filter(({ id }) => id >= from && id < to).slice(0, limit)
      onRead?.()
      return page
    },
  } as Partial<Journal> as Journal
  return { needs: { hot, journal }, asked, open, closed }
}

test('each day of a month holds the minutes of its zone, and Redis is asked for its minutes twice, not once a day', async () => {
  const { needs, asked } = ledgerOf({
    now: '2026-11-21T09:00Z',
    closed: { '2026-10-31T22:59:00Z': 1, '2026-10-31T23:00:00Z': 2, '2026-11-20T22:59:00Z': 4, '2026-11-20T23:00:00Z': 8, '2026-11-21T08:58:00Z': 16 },
    open: { '2026-11-21T08:59Z': 32, '2026-11-21T09:00Z': 64 },
  })
  const days = await listOutcomesByDay({ id: 'acme', zone: 'Europe/Berlin' }, { from: '2026-11-01', to: '2026-11-22' }, needs)
  expect(days.size).toBe(21)
  expect([...days].filter(([, counts]) => counts.counted > 0).map(([day, counts]) => [day, counts.counted]))
    .toEqual([['2026-11-01', 2], ['2026-11-20', 4], ['2026-11-21', 8 + 16 + 32 + 64]])
  expect(asked.open).toBe(2)
})

test('a minute that closes between the two reads is there once, and not missed', async () => {
  const closing = '2026-11-21T08:59:00Z'
  const ledger = ledgerOf({
    now: '2026-11-21T09:00Z', closed: {}, open: { [closing]: 5, '2026-11-21T09:00:00Z': 7 },
    onRead: () => {
      ledger.closed[closing] = 5
      delete ledger.open[closing]
    },
  })
  const seen: [string, number][] = []
  await visitMinutes({ tenant: 'acme' }, ledger.needs, (minute, counts) => seen.push([minute, counts.counted]))
  expect(seen).toEqual([['2026-11-21T08:59', 5], ['2026-11-21T09:00', 7]])
})

test('more minutes than a page are each there once, and the ends of the range hold', async () => {
  const first = Date.parse('2026-11-19T00:00Z')
  const closed = Object.fromEntries(Array.from({ length: 2_500 }, (_, n) => [new Date(first + n * 60_000).toISOString(), 1]))
  const { needs } = ledgerOf({ now: '2026-11-21T09:00Z', closed, open: {} })
  let sum = 0
  const range = { tenant: 'acme', from: new Date(first + 60_000), to: new Date(first + 2_400 * 60_000) }
  await visitMinutes(range, needs, (_minute, counts) => { sum += counts.counted })
  expect(sum).toBe(2_399)
})
