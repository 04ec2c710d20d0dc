import { AppError } from '@tallyfleet/domain'
import { FLEET_TENANT, JobEventRecorder } from '@tallyfleet/features'
import { silentLog, systemClock } from '@tallyfleet/ports'
import type { RunObserver } from '@tallyfleet/queue'
import { SqlRecordStore, SqlTelemetryStore } from '@tallyfleet/store-sql'
import { expect, test } from 'vitest'
import { tellJobEvents } from './tell-job-events.ts'

test('each end of a try has its event and the code of its error; what goes on elsewhere has none', async () => {
  await using telemetry = await SqlTelemetryStore.open({ url: 'sqlite::memory:' })
  await using records = await SqlRecordStore.open({ url: 'sqlite::memory:' })
  const recorder = new JobEventRecorder('w', { telemetry, records, clock: systemClock, log: silentLog })
  const told = tellJobEvents(recorder, 'w')
  let attempt = 0
  const ends = (end: Parameters<RunObserver['ended']>[1], code?: AppError['code']) => {
    const run = { queue: 'q', job: 'j', jobId: '1', attempt: ++attempt, tick: undefined, enqueuedAt: new Date(0) }
    told.started(run)
    told.ended(run, end, code && new AppError(code, 'x'), 5)
  }
  ends('done')
  ends('retry', 'STORE_UNAVAILABLE')
  ends('dead', 'FIELD_INVALID')
  ends('later', 'LIMIT_REACHED')
  ends('later', 'JOB_VERSION_UNKNOWN')
  ends('handed back')
  ends('lock lost')
  told.stalled({ queue: 'q', job: 'j', jobId: '1', enqueuedAt: new Date(0) })
  await recorder[Symbol.asyncDispose]()

  const range = { tenants: [FLEET_TENANT], from: new Date(0), to: new Date(Date.now() + 1_000) }
  const rows = await telemetry.summarize(range, { by: ['type', 'reason', 'worker'] })
  expect(rows.map(({ type, reason, worker, count }) => [type, reason, worker, count]).sort()).toEqual([
    ['completed', null, 'w', 1], ['failed', 'FIELD_INVALID', 'w', 1], ['rate_limit_exceeded', 'LIMIT_REACHED', 'w', 1],
    ['retried', 'JOB_VERSION_UNKNOWN', 'w', 1], ['retried', 'STORE_UNAVAILABLE', 'w', 1], ['stalled', null, null, 1], ['started', null, 'w', 7],
  ])
})
