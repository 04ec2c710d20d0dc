import { expect, test } from 'vitest'
import { openSpine } from '../spine.fixture.ts'
import { applyRetention } from './apply-retention.ts'
import { putRetention } from './retention-days.ts'

test('records go after the days of the installation, each kind after its own, and numbers stay', async () => {
  await using spine = await openSpine()
  const { journal, telemetry, rollups, records, clock } = spine.needs
  const daysAgo = (days: number) => new Date(clock.now().getTime() - days * 86_400_000)
  await spine.send(['one'])
  await spine.flush('flush-1')
  for (const days of [5, 20, 100, 500]) {
    await journal.put('parity', daysAgo(days).toISOString(), { days })
    await journal.put('minute', `default|${daysAgo(days).toISOString().slice(0, 16)}`, { counted: 1, duplicate: 0, rejected: 0, quarantined: 0 })
    await telemetry.append([{
      tenant: 'default', source: 'api', id: `e-${days}`, type: 'completed', at: daysAgo(days), queue: 'crawl', job: 'page',
      jobId: String(days), attempt: 1, worker: undefined, durationMs: 5, reason: undefined,
    }])
  }
  const kept = async () => ({
    parity: (await journal.list('parity', { limit: 10 })).length, minutes: (await journal.list('minute', { limit: 10 })).length,
    jobEvents: (await telemetry.summarize({ tenants: ['default'], from: daysAgo(1_000), to: clock.now() }, { by: [] })).reduce((sum, { count }) => sum + count, 0),
  })
  expect(await applyRetention(spine.needs)).toMatchObject({ parity: 1, minutes: 1, jobEvents: 2 })
  expect(await kept()).toEqual({ parity: 3, minutes: 3, jobEvents: 2 })

  await putRetention({ parity: 60, jobEvents: 14 }, 'key:1', { records, clock })
  await putRetention({ minutes: 700 }, 'key:1', { records, clock })
  expect(await applyRetention(spine.needs)).toMatchObject({ parity: 1, minutes: 0, jobEvents: 1 })
  expect(await kept()).toEqual({ parity: 2, minutes: 3, jobEvents: 1 })

  await putRetention({ minutes: null, parity: null }, 'key:1', { records, clock })
  expect(await applyRetention(spine.needs)).toMatchObject({ parity: 0, minutes: 0, jobEvents: 0 })
  expect(await rollups.listTop({ tenant: 'default', domain: 'jav', entityType: 'movie' }, 'view', { interval: 'total', bucket: 'all' }, 1))
    .toEqual([{ entityId: 'one', count: 1 }])
})
