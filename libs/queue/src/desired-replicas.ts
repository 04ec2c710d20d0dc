/** What a queue is like right now, for {@link desiredReplicas}. */
export type QueueLoad = {
  paused: boolean
  /** Jobs that could start now, those whose delay is over included. */
  ready: number
  active: number
  /** Workers that run at least one job. */
  busyWorkers: number
  /** Workers that are connected. */
  workers: number
  /** How many jobs one worker runs at a time. */
  slotsPerWorker: number
  /** Jobs that ended, by second, over the last minutes. */
  jobsPerSecond: number
  /** Mean of the last tries; undefined while none is known. */
  runSeconds: number | undefined
  /** How long a job may wait. */
  waitGoalSeconds: number
}

/** Headroom: slots are meant to be busy this much of the time, beyond which waits grow steeply. */
const UTILIZATION = 0.8
/** Fewer workers are asked for only where so much more work would still fit them: what sways does not flap. */
const SHRINK_MARGIN = 1.2
const UNKNOWN_RUN_SECONDS = 1
const MOST = 100

/**
 * How many workers a queue should have. A fluid model: slots for what arrives (Little's law: jobs a second × run time,
 * with headroom), and slots that work off what is ready within the wait goal:
 *
 *   workers = ceil((jobsPerSecond ÷ 0.8 + ready ÷ waitGoalSeconds) × runSeconds ÷ slotsPerWorker)
 *
 * 0 while the queue is paused and nothing runs, or while nothing is ready, runs, or ended lately. Never fewer than the
 * workers that run a job now; at most 100. What a pause leaves running may end.
 */
export function desiredReplicas(load: QueueLoad): number {
  const { paused, ready, active, busyWorkers, workers, slotsPerWorker, jobsPerSecond, waitGoalSeconds } = load
  const busy = active > 0 ? Math.max(1, busyWorkers) : 0
  if (paused) return Math.min(busy, MOST)
  const runSeconds = load.runSeconds ?? UNKNOWN_RUN_SECONDS
  const needed = (jobsPerSecond / UTILIZATION + ready / waitGoalSeconds) * runSeconds / slotsPerWorker
  const some = needed > 0 || ready > 0 ? 1 : 0
  const kept = Math.min(workers, Math.ceil(needed * SHRINK_MARGIN))
  return Math.min(Math.max(Math.ceil(needed), kept, busy, some), MOST)
}
