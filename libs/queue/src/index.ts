/**
 * Jobs over BullMQ, which nobody else knows: producers ({@link openJobQueue}), operators ({@link openQueueAdmin}) and
 * workers ({@link startWorkers}). A processor sees a payload, a signal and a log; what becomes of its errors is
 * decided in outcome.ts. BullMQ's locks are an optimisation: what a job writes must bear a second run beside it.
 */
export { type Outcome } from './outcome.ts'
export { openJobQueue, type TimedJobQueue } from './open-job-queue.ts'
export { openQueueAdmin, type BullQueueAdmin } from './open-queue-admin.ts'
export { parseQueueChoice, type QueueChoice } from './queue-choice.ts'
export { queuesOf } from './queue-names.ts'
export { type QueueMetrics } from './queue-metrics.ts'
export { watchQueues } from './watch-queues.ts'
export { type RunObserver } from './run-job.ts'
export { startWorkers, type WorkerFleet, type WorkerHealth } from './start-workers.ts'
