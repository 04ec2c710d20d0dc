import type { LiveDeltaData, LiveMessage, LiveSnapshotData } from '@tallyfleet/api-contract'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LiveConnection, type LiveSocket } from './live-connection.ts'
import { LiveModel } from './live-model.ts'

const NOW = Date.UTC(2026, 10, 21, 10)
const SECOND = NOW / 1_000
const state = (seq: number) => ({ seq, now: NOW, active: seq, activeIsLeast: false, top: [], lagMs: null, recent: [] })
const snapshot = (seq: number): LiveSnapshotData => ({ ...state(seq), counts: { until: SECOND, perSecond: Array.from({ length: 1_800 }, () => 0) } })
const delta = (seq: number): LiveDeltaData => ({ ...state(seq), seconds: [[SECOND, seq]] })

class Side implements LiveSocket {
  onmessage: LiveSocket['onmessage'] = null
  onclose: LiveSocket['onclose'] = null
  sent: string[] = []
  send(text: string) { this.sent.push(text) }
  close() { (this.onclose as (() => void) | null)?.() }
  say(message: LiveMessage) { (this.onmessage as ((event: { data: string }) => void) | null)?.({ data: JSON.stringify(message) }) }
}

/** A connection whose far side the test plays, and all that it told. */
function open({ reachable = () => true, polls = () => true }: { reachable?: () => boolean; polls?: () => boolean } = {}) {
  const sockets: Side[] = []
  const told: (string | number)[] = []
  let polled = 0
  const connection = new LiveConnection({
    findPath: async () => { if (!reachable()) throw new Error('no ticket'); return '/live' },
    openSocket: () => { const side = new Side(); sockets.push(side); return side },
    readSnapshot: async () => { polled++; if (!polls()) throw new Error('away'); return snapshot(100) },
    onSnapshot: ({ seq }) => told.push(`snapshot ${seq}`), onDelta: ({ seq }) => told.push(seq),
    onLag: () => {}, onStatus: (status) => told.push(status), random: () => 1,
  })
  return { connection, sockets, told, polls: () => polled }
}

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

test('deltas in order are taken, old ones are not, and a gap asks once for a snapshot', async () => {
  const { sockets, told, connection } = open()
  await vi.advanceTimersByTimeAsync(0)
  const [side] = sockets
  side!.say({ t: 'delta', ...delta(4) }) // nothing to build on yet
  side!.say({ t: 'snapshot', ...snapshot(5) })
  for (const seq of [4, 6, 7, 9, 10]) side!.say({ t: 'delta', ...delta(seq) })
  expect(told).toEqual(['connecting', 'live', 'snapshot 5', 6, 7])
  expect(side!.sent).toEqual(['{"t":"snapshot"}'])
  side!.say({ t: 'snapshot', ...snapshot(10) })
  side!.say({ t: 'delta', ...delta(11) })
  expect(told.slice(5)).toEqual(['live', 'snapshot 10', 11])
  connection.close()
})

test('without a socket it asks every five seconds, tries again after 1 to 30 s, and goes back to the socket', async () => {
  let isUp = false
  const { sockets, told, connection, polls } = open({ reachable: () => isUp })
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(['connecting', 'polling', 'snapshot 100'])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(polls()).toBe(13)
  isUp = true
  await vi.advanceTimersByTimeAsync(30_000)
  expect(sockets).toHaveLength(1)
  sockets[0]!.say({ t: 'snapshot', ...snapshot(1) })
  const before = polls()
  for (let at = 0; at < 12; at++) {
    await vi.advanceTimersByTimeAsync(5_000)
    sockets[0]!.say({ t: 'lag', ms: 1 })
  }
  expect(polls()).toBe(before)
  expect(told.slice(-2)).toEqual(['live', 'snapshot 1'])
  sockets[0]!.close()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sockets).toHaveLength(2)
  connection.close()
})

test('a socket that says nothing for twenty seconds is given up, and what nobody can reach is said to be lost', async () => {
  const { sockets, told, connection } = open({ polls: () => false })
  await vi.advanceTimersByTimeAsync(0)
  sockets[0]!.say({ t: 'snapshot', ...snapshot(1) })
  await vi.advanceTimersByTimeAsync(20_500)
  expect(told).toEqual(['connecting', 'live', 'snapshot 1', 'lost'])
  connection.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sockets).toHaveLength(1)
})

test('what is shown is whole seconds by the clock of the server, and no older than thirty minutes', () => {
  const model = new LiveModel()
  const local = NOW + 3_600_000 // this clock is an hour ahead
  model.takeSnapshot({ ...snapshot(1), counts: { until: SECOND, perSecond: [...Array.from({ length: 1_799 }, () => 0), 30] } }, local)
  model.takeDelta({ ...delta(2), now: NOW + 1_000, seconds: [[SECOND, 40], [SECOND + 1, 60]] }, local + 1_000)
  expect(model.view(local + 3_000)).toMatchObject({ rate: 10, total: 100, until: NOW + 1_000, active: 2 })
  expect(model.view(local + 3_000).perSecond.slice(-2)).toEqual([40, 60])
  expect(model.view(local + 1_802_000).total).toBe(60)
  expect(model.view(local + 1_803_000).total).toBe(0)
})
