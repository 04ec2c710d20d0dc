import { AppError } from '@tallyfleet/domain'
import { silentLog, type JobEvent, type TelemetryStore } from '@tallyfleet/ports'
import { SqlRecordStore, SqlTelemetryStore } from '@tallyfleet/store-sql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { countDropped, FLEET_TENANT, forgetDropped, JobEventRecorder, type FleetJobEvent } from './job-event-recorder.ts'

const NOW = new Date('2026-11-21T10:30:00Z')
const DAY = { tenants: [FLEET_TENANT], from: new Date('2026-11-21T00:00:00Z'), to: new Date('2026-11-22T00:00:00Z') }
const clock = { now: () => NOW }

let telemetry: SqlTelemetryStore
let records: SqlRecordStore
beforeEach(async () => {
  telemetry = await SqlTelemetryStore.open({ url: 'sqlite::memory:' })
  records = await SqlRecordStore.open({ url: 'sqlite::memory:' })
})
afterEach(async () => {
  await telemetry[Symbol.asyncDispose]()
  await records[Symbol.asyncDispose]()
})

const event = (attempt: number, type: JobEvent['type'] = 'started', enqueuedAt = NOW): FleetJobEvent => ({
  type, queue: 'flush', job: 'flush', jobId: '7', enqueuedAt, at: NOW, attempt, durationMs: undefined, worker: 'w', reason: undefined,
})
const kept = async () => (await telemetry.summarize(DAY, { by: [] }))[0]?.count ?? 0

/** A store that answers with an error after or before it has written. */
function failing(when: 'after' | 'before', times: number): TelemetryStore {
  return Object.assign(Object.create(telemetry) as TelemetryStore, {
    append: async (events: readonly JobEvent[]) => {
      const fails = times-- > 0
      if (fails && when === 'before') throw new AppError('STORE_UNAVAILABLE', 'away')
      const count = await telemetry.append(events)
      if (fails) throw new AppError('STORE_UNAVAILABLE', 'the answer was lost')
      return count
    },
  })
}

test('events are written once, though the answer to a write is lost and it is tried again', async () => {
  await using recorder = new JobEventRecorder('w', { telemetry: failing('after', 1), records, clock, log: silentLog }, { everyMs: 1e6 })
  for (let attempt = 1; attempt <= 1_500; attempt++) recorder.record(event(attempt))
  recorder.record(event(1))
  recorder.record(event(1, 'completed'))
  recorder.record(event(1, 'started', new Date('2026-11-20T00:00:00Z')))
  await recorder.write()
  expect(await kept()).toBe(1_000)
  await recorder.write()
  expect(await kept()).toBe(1_502)
})

test('while the store is away so many events wait, and those beyond are counted as dropped', async () => {
  await using recorder = new JobEventRecorder('w', { telemetry: failing('before', 1), records, clock, log: silentLog }, { limit: 10, everyMs: 1e6 })
  for (let attempt = 1; attempt <= 13; attempt++) recorder.record(event(attempt))
  await recorder.write()
  expect([await kept(), recorder.dropped, await countDropped(DAY, { records })]).toEqual([0, 3, 0])
  await recorder.write()
  await recorder.write()
  expect([await kept(), await countDropped(DAY, { records })]).toEqual([10, 3])
  await forgetDropped(NOW, { records })
  expect(await countDropped(DAY, { records })).toBe(3)
  await forgetDropped(DAY.to, { records })
  expect(await countDropped(DAY, { records })).toBe(0)
})

test('what waits at the end is written', async () => {
  const recorder = new JobEventRecorder('w', { telemetry, records, clock, log: silentLog }, { everyMs: 1e6 })
  recorder.record(event(1))
  await recorder[Symbol.asyncDispose]()
  expect(await kept()).toBe(1)
})
