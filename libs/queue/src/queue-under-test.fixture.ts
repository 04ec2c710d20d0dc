import { createMetrics } from '@tallyfleet/metrics'
import { silentLog, type Job, type JobDefinition, type Log, type Processor, type QueueStatus } from '@tallyfleet/ports'
import { freshName, startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { openJobQueue, openQueueAdmin, startWorkers, type RunObserver, type WorkerFleet } from './index.ts'

type Needs = Record<string, never>
type WorkOptions = { drainMs?: number; concurrency?: number; observer?: RunObserver; log?: Log; stuckMs?: number; ageMs?: number; release?: string; as?: JobDefinition<any> }

/** The queue of one job on a Redis of its own. Disposing closes what was opened. */
export async function openQueueUnderTest(definition: JobDefinition<any>, server?: PrivateRedis) {
  await using stack = new AsyncDisposableStack()
  const { url } = server ?? stack.adopt(await startPrivateRedis(), (own) => own.stop())
  const prefix = `{${freshName('queue')}}`
  const metrics = createMetrics({ runtimeMetrics: false })
  const queue = stack.use(await openJobQueue({ url, prefix, metrics }))
  const admin = stack.use(await openQueueAdmin({ url, prefix, jobs: [definition] }))
  /** Starts a worker; `as`: of a release with another definition of the job. */
  const work = async (process: Processor<any, Needs>, { drainMs = 0, concurrency = 4, log = silentLog, as = definition, ...rest }: WorkOptions = {}): Promise<WorkerFleet> => {
    const jobs: Job<any, Needs>[] = [{ definition: as, process }]
    return moved.use(await startWorkers({ url, prefix, jobs, needs: {}, queues: [{ name: definition.queue, concurrency }], log, metrics, drainMs, ...rest }))
  }
  const counts = async (): Promise<QueueStatus['counts']> => (await admin.listQueues())[0]!.counts
  const moved = stack.move()
  return {
    url, prefix, queue, admin, metrics, work, counts,
    bull: admin.bullQueues()[0]!,
    settled: (state: keyof QueueStatus['counts'], count = 1) => waitUntil(async () => (await counts())[state] === count),
    /** The value of a metric's first sample whose labels hold the text. */
    metric: async (name: string, labels = '') => Number(
      (await metrics.registry.metrics()).split('\n').find((line) => line.startsWith(`${name}{`) && line.includes(labels))?.split(' ').at(-1)),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}
