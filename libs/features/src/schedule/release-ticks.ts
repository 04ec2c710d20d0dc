import { toAppError } from '@tallyfleet/domain'
import type { JobDefinition, QueueAdmin } from '@tallyfleet/ports'
import { enqueueTick, type EnqueueTickNeeds } from './enqueue-tick.ts'
import { findOpenTicks } from './find-open-ticks.ts'
import { noteTickEnded } from './note-tick.ts'
import { tickIdOf, tickJobIdOf, type ScheduleRecord, type TickRecord } from './tick-records.ts'

type Needs = EnqueueTickNeeds & { admin: Pick<QueueAdmin, 'cancelJob'> }

const PAGE = 1_000

/**
 * Starts each buffered tick once every earlier one of its schedule has ended, and cancels those where the schedule says
 * `cancelOther`. Any number of schedulers may do it: one of them releases a tick.
 * @returns how many ticks it released
 */
export async function releaseTicks(jobs: readonly JobDefinition<any>[], needs: Needs): Promise<number> {
  const stored = await needs.journal.list('schedule', { limit: PAGE })
  let count = 0
  for (const { id, body } of stored) {
    const record = body as ScheduleRecord
    const job = jobs.find(({ name, schedule }) => name === id && schedule)
    if (job && record.open && await releaseNext(job, record, needs)) count += 1
  }
  return count
}

async function releaseNext(job: JobDefinition<any>, stored: ScheduleRecord, needs: Needs): Promise<boolean> {
  const { journal, clock } = needs
  const open = await findOpenTicks(job.name, stored, journal)
  const buffered = open.filter(({ state }) => state === 'buffered')
  const others = open.filter(({ state }) => state !== 'buffered')
  if (buffered.length === 0) return false
  if (stored.definition.overlap === 'cancelOther') {
    for (const replaced of buffered.splice(0, buffered.length - 1)) {
      await journal.swap('tick', idOf(replaced), replaced, { ...replaced, state: 'skipped', reason: 'overlap' })
    }
    for (const other of others) await cancel(job, other, needs)
  }
  const [next] = buffered
  if (others.length > 0 || !next) return false
  const claimed: TickRecord = { ...next, state: 'claimed', claimedAt: clock.now().toISOString() }
  if (!await journal.swap('tick', idOf(next), next, claimed)) return false
  await enqueueTick(job, new Date(next.nominalAt), next.backfilled, needs)
  return true
}

/** A job that runs is noted as ended by its worker; one that only waited has nobody else to say so. */
async function cancel(job: JobDefinition<any>, tick: TickRecord, needs: Needs): Promise<void> {
  const nominalAt = new Date(tick.nominalAt)
  try {
    const outcome = await needs.admin.cancelJob(job.queue, tickJobIdOf(job.name, nominalAt))
    if (outcome === 'removed') await noteTickEnded({ schedule: job.name, nominalAt }, 'JOB_CANCELLED', needs)
  } catch (error) {
    // Ended, or not in the queue: what is true of it is for repairTicks to find out.
    const { code } = toAppError(error)
    if (code !== 'JOB_ENDED' && code !== 'RECORD_UNKNOWN') throw error
  }
}

function idOf({ schedule, nominalAt }: TickRecord): string {
  return tickIdOf(schedule, new Date(nominalAt))
}
