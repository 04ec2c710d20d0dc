import { expect, test } from 'vitest'
import { dealRounds, listFleetStrikes, listStrikes, type DealOptions, type Schedule } from './schedule.ts'

const LANES: DealOptions = { seed: 's', kind: 'lanes', stores: 'embedded', durability: 'everysec', breaks: undefined, only: undefined }

function deal(options: Partial<DealOptions>, rounds: number): Schedule[] {
  return dealRounds({ ...LANES, ...options }).take(rounds).toArray()
}

function namesOf(schedules: Schedule[]): Set<string> {
  return new Set(schedules.flatMap(({ strikes }) => strikes.flat().map(({ name }) => name)))
}

test('the same seed deals the same rounds, another seed deals others', () => {
  expect(deal({}, 5)).toEqual(deal({}, 5))
  expect(deal({ seed: 't' }, 5)).not.toEqual(deal({}, 5))
})

test('every kill point and nemesis of an edition has its turn', () => {
  for (const stores of ['embedded', 'servers'] as const) {
    expect(namesOf(deal({ stores }, 100)), stores).toEqual(new Set(listStrikes(stores, 'everysec')))
    expect(namesOf(deal({ stores, kind: 'fleet' }, 30)), stores).toEqual(new Set(listFleetStrikes(stores, 'everysec')))
  }
})

test('with one name alone nothing else is dealt, and the clock of the process that ticks stays', () => {
  expect(namesOf(deal({ only: 'rollups.apply:half' }, 5))).toEqual(new Set(['rollups.apply:half']))
  for (const { strikes: [, ticking] } of deal({ only: 'clock-step' }, 5)) {
    expect(ticking.map(({ name }) => name)).not.toContain('clock-step')
  }
})

test('a fault that takes what is not on the disk comes in rounds whose freezes wait for the disk as it needs', () => {
  const waits = { 'redis-log-tail': 'fixed', 'redis-power-loss': 'own' } as const
  for (const kind of ['lanes', 'fleet'] as const) {
    for (const { power, strikes } of deal({ kind }, 60)) {
      for (const { name } of strikes.flat()) if (name in waits) expect(power).toBe(waits[name as keyof typeof waits])
    }
  }
})

test('a replica is lost, and promoted, only in the mode that promises to survive it', () => {
  expect(listStrikes('embedded', 'replica')).toEqual(expect.arrayContaining(['primary-lost', 'replica-kill', 'redis-kill']))
  expect(listStrikes('embedded', 'everysec')).not.toContain('primary-lost')
  expect(listStrikes('embedded', 'replica')).not.toContain('redis-lost')
})
