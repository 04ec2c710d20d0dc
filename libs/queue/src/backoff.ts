/** The limits of a job's back-off, in milliseconds. */
export type BackoffLimits = { backoffMs: number; maxBackoffMs: number }

/**
 * How long a job waits before its next try: a random time below `backoffMs` × 2^(failures − 1), never above
 * `maxBackoffMs` (full jitter: jobs that failed together do not come back together). At least 1 ms, since BullMQ takes
 * 0 for "at once, at the head".
 * @param failures tries that failed so far, 1 or more
 */
export function backoffMsOf(
  failures: number, { backoffMs, maxBackoffMs }: BackoffLimits, random = Math.random,
): number {
  const ceiling = Math.min(backoffMs * 2 ** (failures - 1), maxBackoffMs)
  return Math.max(1, Math.round(random() * ceiling))
}
