import { toAppError, type AppError } from '@tallyfleet/domain'

/** What becomes of a job whose processor threw. */
export type Outcome =
  /** Dead letter now: another try would end the same way. */
  | { is: 'dead' }
  /** Again after a back-off; uses up a try. */
  | { is: 'retry' }
  /** Again after `delayMs`; uses up no try. */
  | { is: 'later'; delayMs: number }

const DEFAULT_DELAY_MS = 5_000
const MAX_DELAY_MS = 3_600_000
/** Until another worker may take the job, or this one may. Short beside a deployment, long beside a look at a job. */
const PUT_OFF_MS = 10_000
const PUT_OFF: ReadonlySet<string> = new Set(['JOB_VERSION_UNKNOWN', 'JOB_PAUSED', 'JOB_ELSEWHERE'])

/** The outcome of an error by its kind; whatever is no AppError is a bug, which is tried again. */
export function outcomeOf(error: unknown): Outcome {
  const { code, kind, details }: AppError = toAppError(error)
  if (code === 'JOB_CANCELLED' || code === 'JOB_CHILD_FAILED') return { is: 'dead' }
  if (PUT_OFF.has(code)) return { is: 'later', delayMs: PUT_OFF_MS }
  switch (kind) {
    case 'invalid':
    case 'forbidden':
    case 'not-found':
    case 'unauthenticated':
      return { is: 'dead' }
    case 'rate-limited': {
      const seconds = details.retryAfterSeconds
      const delayMs = seconds === undefined ? DEFAULT_DELAY_MS : Math.min(seconds * 1_000, MAX_DELAY_MS)
      return { is: 'later', delayMs }
    }
    case 'conflict':
    case 'unavailable':
    case 'internal':
      return { is: 'retry' }
  }
}
