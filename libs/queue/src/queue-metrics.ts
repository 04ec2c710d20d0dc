type Labels = Record<string, string>

/** What this lib needs of a metrics registry. */
export type QueueMetrics = {
  counter(name: string, help: string, labelNames: readonly string[]): { inc(labels: Labels, by?: number): void }
  gauge(name: string, help: string, labelNames: readonly string[], aggregator?: 'max'): {
    set(labels: Labels, value: number): void
  }
  histogram(name: string, help: string, labelNames: readonly string[], buckets?: readonly number[]): {
    observe(labels: Labels, value: number): void
  }
}

export type JobMetrics = ReturnType<typeof jobMetricsIn>

/** The metrics of running jobs. Labels are names from the registry of jobs, so their number is bounded. */
export function jobMetricsIn(metrics: QueueMetrics) {
  const labels = ['queue', 'job'] as const
  return {
    wait: metrics.histogram(
      'fleet_job_wait_seconds', 'From when a job could run to its first start, retries left out', labels,
    ),
    run: metrics.histogram('fleet_job_run_seconds', 'From the start of a try to its end, however it ended', labels),
    attempts: metrics.histogram(
      'fleet_job_attempts', 'Tries that a job took until it was done or dead', labels, [1, 2, 3, 5, 10, 20, 50],
    ),
    starts: metrics.counter('fleet_job_starts_total', 'Tries that started, crashed ones included', labels),
    failures: metrics.counter(
      'fleet_job_failures_total', 'Tries that failed, by what becomes of the job', [...labels, 'outcome'],
    ),
    softTimeouts: metrics.counter('fleet_job_soft_timeouts_total', 'Tries that outlasted their soft timeout', labels),
    abandoned: metrics.counter(
      'fleet_job_abandoned_total', 'Tries whose processor did not end after its signal; their place was taken', labels,
    ),
    handedBack: metrics.counter('fleet_job_handed_back_total', 'Tries given to another worker on shutdown', labels),
    locksLost: metrics.counter(
      'fleet_job_locks_lost_total', 'Tries aborted because their lock was lost or could not be renewed', labels,
    ),
    budgetEmpty: metrics.counter(
      'fleet_queue_retries_postponed_total', 'Retries put off to their longest back-off by the budget', ['queue'],
    ),
    stalled: metrics.counter('fleet_queue_stalled_total', 'Jobs of dead workers that were put back', ['queue']),
    drain: metrics.histogram('fleet_worker_drain_seconds', 'From the signal to stop until the last job had ended', []),
    roundTrip: metrics.histogram(
      'fleet_redis_round_trip_seconds', 'A ping from a worker', [], [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1, 5],
    ),
  }
}
