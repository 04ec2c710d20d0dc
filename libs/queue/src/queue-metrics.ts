type Labels = Record<string, string>

/** What this lib needs of a metrics registry. */
export type QueueMetrics = {
  counter(name: string, help: string, labelNames: readonly string[]): { inc(labels: Labels, by?: number): void }
  gauge(name: string, help: string, labelNames: readonly string[], aggregator?: 'max'): {
    set(labels: Labels, value: number): void
  }
  histogram(name: string, help: string, labelNames: readonly string[]): { observe(labels: Labels, value: number): void }
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
    starts: metrics.counter('fleet_job_starts_total', 'Tries that started, crashed ones included', labels),
    failures: metrics.counter(
      'fleet_job_failures_total', 'Tries that failed, by what becomes of the job', [...labels, 'outcome'],
    ),
    handedBack: metrics.counter('fleet_job_handed_back_total', 'Tries given to another worker on shutdown', labels),
    locksLost: metrics.counter(
      'fleet_job_locks_lost_total', 'Tries aborted because their lock was lost or could not be renewed', labels,
    ),
    stalled: metrics.counter('fleet_queue_stalled_total', 'Jobs of dead workers that were put back', ['queue']),
  }
}
