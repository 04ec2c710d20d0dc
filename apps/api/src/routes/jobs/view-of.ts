import type { JobView } from '@tallyfleet/ports'

/** A job as the API shows it. */
export function viewOf({ createdAt, dueAt, startedAt, endedAt, reason, host, payload, ...job }: JobView) {
  return {
    ...job, createdAt: createdAt.toISOString(), dueAt: dueAt?.toISOString() ?? null,
    startedAt: startedAt?.toISOString() ?? null, endedAt: endedAt?.toISOString() ?? null,
    reason: reason ?? null, host: host ?? null, payload: payload ?? null,
  }
}
