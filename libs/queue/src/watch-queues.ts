import type { Log, QueueAdmin } from '@tallyfleet/ports'
import type { QueueMetrics } from './queue-metrics.ts'

/**
 * Keeps gauges of every queue's depth and of its oldest job that is ready. Runs beside the queues, not as one of their
 * jobs: a sick queue must still be seen. Dispose to stop.
 */
export function watchQueues(
  { admin, metrics, log, everyMs = 5_000 }: { admin: QueueAdmin; metrics: QueueMetrics; log: Log; everyMs?: number },
): AsyncDisposable {
  const depth = metrics.gauge('fleet_queue_depth', 'Jobs by state', ['queue', 'state'], 'max')
  const oldest = metrics.gauge(
    'fleet_queue_oldest_ready_seconds', 'Age of the oldest job that is ready to run; 0 when none is', ['queue'], 'max',
  )
  const dead = metrics.gauge('fleet_dlq_size', 'Dead letters', ['queue'], 'max')
  const oldestDead = metrics.gauge(
    'fleet_dlq_oldest_seconds', 'Since when the oldest dead letter lies there; 0 when none does', ['queue'], 'max',
  )
  const paused = metrics.gauge('fleet_queue_paused', '1 while the queue is paused', ['queue'], 'max')
  const desired = metrics.gauge(
    'fleet_queue_desired_replicas', 'Workers that the queue should have, by its work and its wait goal', ['queue'], 'max',
  )
  const workers = metrics.gauge('fleet_queue_workers', 'Workers that are connected to the queue', ['queue'], 'max')
  const stuck = metrics.gauge('fleet_queue_stuck', '1 while nobody takes what is ready, or the only worker of a job is silent', ['queue'], 'max')
  let failing = false
  const look = async () => {
    try {
      for (const status of await admin.listQueues()) {
        const { queue, counts } = status
        for (const [state, count] of Object.entries(counts)) depth.set({ queue, state }, count)
        oldest.set({ queue }, status.oldestReadySeconds ?? 0)
        dead.set({ queue }, counts.failed)
        oldestDead.set({ queue }, status.oldestDeadSeconds ?? 0)
        paused.set({ queue }, status.paused ? 1 : 0)
        desired.set({ queue }, status.desiredReplicas)
        workers.set({ queue }, status.workers)
        stuck.set({ queue }, status.stuck ? 1 : 0)
      }
      failing = false
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'queues not measured')
      failing = true
    }
  }
  let round = look()
  const timer = setInterval(() => { round = round.then(look) }, everyMs)
  timer.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await round
    },
  }
}
