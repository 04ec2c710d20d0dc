/** The hash tag keeps all keys of all queues in one slot of a Redis Cluster, as BullMQ's scripts demand. */
export const PREFIX = '{tally}'

/** The distinct queues of some jobs, in the order of their first job. */
export function queuesOf(jobs: readonly { queue: string }[]): string[] {
  return [...new Set(jobs.map(({ queue }) => queue))]
}
