import { silentLog } from '@tallyfleet/ports'
import { SqlRecordStore } from '@tallyfleet/store-sql'
import { expect, test } from 'vitest'
import { forgetResponseTimes, listResponseTimes, percentileOf, ResponseTimes } from './response-times.ts'

test('answers of several processes add up by hour, and a percentile is at most a tenth too high', async () => {
  await using records = await SqlRecordStore.open({ url: 'sqlite::memory:' })
  let now = new Date('2026-11-21T10:59:00Z')
  const needs = { records, clock: { now: () => now }, log: silentLog }
  await using first = new ResponseTimes('a', needs, { everyMs: 1e9 })
  await using second = new ResponseTimes('b', needs, { everyMs: 1e9 })
  for (let ms = 1; ms <= 100; ms++) (ms % 2 ? first : second).observe(ms, ms === 100)
  await first.write()
  await first.write()
  await second.write()
  now = new Date('2026-11-21T11:01:00Z')
  first.observe(0, false)
  await first.write()

  const hours = await listResponseTimes(new Date('2026-11-21T10:00:00Z'), { records })
  expect([...hours.keys()]).toEqual(['2026-11-21T10', '2026-11-21T11'])
  const ten = hours.get('2026-11-21T10')!
  expect(ten.failed).toBe(1)
  for (const percent of [1, 50, 95, 100]) {
    const { answers, ms } = percentileOf(ten, percent)
    expect(answers).toBe(100)
    expect(ms).toBeGreaterThanOrEqual(percent * 0.999_999)
    expect(ms).toBeLessThanOrEqual(percent * 1.100_001)
  }
  await forgetResponseTimes(new Date('2026-11-21T11:00:00Z'), { records })
  expect([...(await listResponseTimes(new Date(0), { records })).keys()]).toEqual(['2026-11-21T11'])
})
