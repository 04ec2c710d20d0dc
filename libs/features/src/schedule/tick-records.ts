import type { Schedule } from '@tallyfleet/ports'

/** Journal kind `schedule`: up to when the ticks of a schedule are settled, and by which definition. Id: its name. */
export type ScheduleRecord = {
  definition: Schedule
  lastTickAt: string
  /**
   * Nominal times of the ticks up to `lastTickAt` that had not ended when it was written, ascending: what the next one
   * may overlap. Kept only where the definition does not allow that.
   */
  open?: string[]
}

/**
 * `claimed` by a scheduler, `enqueued` as a job, `running` in a worker, then `done` or `failed`; `buffered` before all
 * of that, until an earlier tick has ended; or `skipped` for ever. A tick has one record, so it has one fate.
 */
export type TickState = 'buffered' | 'claimed' | 'enqueued' | 'running' | 'done' | 'failed' | 'skipped'

/** Journal kind `tick`. Instants are ISO 8601. Id: {@link tickIdOf}. */
export type TickRecord = {
  schedule: string
  state: TickState
  nominalAt: string
  claimedAt: string
  /** Claimed later than it was due. */
  backfilled: boolean
  /** Tries that started. More than one after a failure, a crash or a shutdown. */
  runs: number
  startedAt?: string
  endedAt?: string
  /** Code of the error that ended it. */
  error?: string
  /** Of a skipped record: no scheduler was there in time, or an earlier tick had not ended. */
  reason?: 'missed' | 'overlap'
  /** How often its job vanished from the queue and was put back. */
  repairs?: number
  /** Of a skipped record that stands for several ticks: how many, and the first of them. */
  count?: number
  from?: string
}

const ENDED: ReadonlySet<TickState> = new Set(['done', 'failed', 'skipped'])

export function hasEnded({ state }: TickRecord): boolean {
  return ENDED.has(state)
}

/** The journal id of a tick: sorts by schedule, then time. */
export function tickIdOf(schedule: string, nominalAt: Date): string {
  return `${schedule}@${nominalAt.toISOString()}`
}

/** The job id of a tick: one for all schedulers, so a tick that is enqueued twice is one job. */
export function tickJobIdOf(schedule: string, nominalAt: Date): string {
  return tickIdOf(schedule, nominalAt).replaceAll(':', '-')
}
