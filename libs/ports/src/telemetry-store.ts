/** What happens to a job. `retried`: failed, and will come back; `failed`: for good. */
export type JobEventType = 'started' | 'completed' | 'failed' | 'retried' | 'stalled' | 'rate_limit_exceeded'

/** One event in the life of a job, of our own queues (`fleet`) or of somebody else's (`api`). */
export type JobEvent = {
  /** Of our own queues: one that no tenant is called. */
  tenant: string
  source: 'fleet' | 'api'
  /** Unique for tenant and source. */
  id: string
  type: JobEventType
  queue: string
  job: string
  jobId: string | undefined
  at: Date
  /** Of the try that ended. */
  durationMs: number | undefined
  attempt: number | undefined
  worker: string | undefined
  /** Short, and the same for the same cause. */
  reason: string | undefined
}

export type JobEventRange = {
  /** Whose events: theirs together. */
  tenants: readonly string[]
  from: Date
  /** Exclusive. */
  to: Date
  source?: JobEvent['source'] | undefined
  queue?: string | undefined
  types?: readonly JobEventType[] | undefined
}

export const JOB_EVENT_PARTS = ['source', 'queue', 'job', 'type', 'worker', 'reason'] as const
export type JobEventPart = (typeof JOB_EVENT_PARTS)[number]

/** What a group's events share; a part that an event lacks is null. `bucketAt` starts its span of `bucketMs` since 1970. */
export type JobEventGroup = Partial<Record<JobEventPart, string | null>> & { bucketAt?: Date }

export type GroupJobEvents = { by: readonly JobEventPart[]; bucketMs?: number | undefined }

/** Events of jobs, kept for a time. */
export interface TelemetryStore extends AsyncDisposable {
  /** Keeps events that are new by (tenant, source, id); answers how many were. At most 1,000. */
  append(events: readonly JobEvent[]): Promise<number>
  /** How many events of a range each group has. At most 20,000 groups, the largest. */
  summarize(
    range: JobEventRange, group: GroupJobEvents,
  ): Promise<(JobEventGroup & { count: number; firstAt: Date; lastAt: Date })[]>
  /** Durations of the events that have one, by nearest rank: the least that p % do not pass. Groups without are absent. */
  listPercentiles(range: JobEventRange, group: GroupJobEvents): Promise<(JobEventGroup & { p50Ms: number; p95Ms: number })[]>
  /** Deletes events before `at`, of every tenant; answers how many. */
  deleteBefore(at: Date): Promise<number>
}
