import type { JobEventRecorder } from '@tallyfleet/features'
import type { JobEvent } from '@tallyfleet/ports'
import type { RunObserver } from '@tallyfleet/queue'

type Ended = Parameters<RunObserver['ended']>
const TYPES = { done: 'completed', retry: 'retried', later: 'retried', dead: 'failed' } as const

/**
 * Tells the recorder what happens to every job. Reasons are codes of errors, so the same cause has the same reason. A
 * try that is handed back or lost its lock has not ended: it goes on elsewhere.
 */
export function tellJobEvents(recorder: JobEventRecorder, worker: string): Required<Pick<RunObserver, 'stalled'>> & {
  started(run: Ended[0]): void
  ended(...[run, end, error, durationMs]: Ended): void
} {
  const tell = (run: Parameters<NonNullable<RunObserver['stalled']>>[0] & { attempt?: number }, type: JobEvent['type'], more: Partial<JobEvent> = {}) => {
    const { queue, job, jobId, enqueuedAt, attempt } = run
    recorder.record({
      type, queue, job, jobId, enqueuedAt, attempt, at: new Date(), worker, durationMs: undefined, reason: undefined, ...more,
    })
  }
  return {
    started: (run) => tell(run, 'started'),
    // Whose worker it was is not known any more; this one only found it.
    stalled: (run) => tell(run, 'stalled', { worker: undefined }),
    ended: (run, end, error, durationMs) => {
      if (end === 'handed back' || end === 'lock lost') return
      const type = end === 'later' && error?.kind === 'rate-limited' ? 'rate_limit_exceeded' : TYPES[end]
      tell(run, type, { durationMs, reason: error?.code })
    },
  }
}
