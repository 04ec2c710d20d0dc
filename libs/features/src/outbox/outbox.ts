import { randomUUID } from 'node:crypto'
import { toAppError } from '@tallyfleet/domain'
import type { Clock, JobDefinition, JobQueue, Log, RecordStore, RecordsOf } from '@tallyfleet/ports'
import { DEFAULT_TENANT } from '../accounts/tenants.ts'

type Needs = { records: RecordStore; queue: JobQueue; clock: Clock; log: Log }
type Row = { job: string; payload: unknown }

const OUTBOX: RecordsOf = { tenant: DEFAULT_TENANT, kind: 'outbox' }
/** A row this old was left behind. Relaying it beside a process that is merely slow makes the same one job. */
const LEFT_MS = 2_000
const PAGE = 1_000

/**
 * Promises a job: once this resolves, the job is made, if not now then by {@link relayOutbox}, whatever dies and whether
 * or not Redis answers; and it is one job for as long as the queue knows it.
 * @param owner who asked for it
 * @returns the id that the job has, or will have
 */
export async function promiseJob<Payload>(
  job: JobDefinition<Payload>, payload: Payload, owner: string, { records, queue, clock, log }: Needs,
): Promise<string> {
  const id = randomUUID()
  const row: Row = { job: job.name, payload }
  await records.put(OUTBOX, { id, owner, body: row }, clock.now())
  try {
    await queue.enqueue(job, payload, { jobId: id })
  } catch (error) {
    if (toAppError(error).kind === 'unavailable') {
      log.warn({ err: error, job: job.name, jobId: id }, 'job not enqueued yet')
      return id
    }
    await records.delete(OUTBOX, id)
    throw error
  }
  // Should this fail, the row is relayed, which changes nothing.
  await records.delete(OUTBOX, id).catch((error: unknown) => log.warn({ err: error, jobId: id }, 'outbox row not deleted'))
  return id
}

/**
 * Makes the jobs of rows that were left behind. Any number of schedulers may do it at once. A row of a job that this
 * release does not know stays for one that does.
 * @returns how many rows it relayed
 */
export async function relayOutbox(
  jobs: readonly JobDefinition<any>[], { records, queue, clock, log }: Needs,
): Promise<number> {
  const before = clock.now().getTime() - LEFT_MS
  let count = 0
  for (const { id, body, createdAt } of await records.list(OUTBOX, { limit: PAGE })) {
    if (createdAt.getTime() > before) continue
    const { job: name, payload } = body as Row
    const job = jobs.find((known) => known.name === name)
    if (!job) continue
    try {
      await queue.enqueue(job, payload, { jobId: id })
      count += 1
    } catch (error) {
      if (toAppError(error).kind !== 'invalid') throw error
      log.error({ err: error, job: name, jobId: id }, 'outbox row is refused')
    }
    await records.delete(OUTBOX, id)
  }
  return count
}
