import type { Log } from '@tallyfleet/ports'
import type { WorkerFleet } from '@tallyfleet/queue'

const LOOK_MS = 5_000

/**
 * Ends the process when one of its queues is stuck: whoever started it starts another, which fetches again. Jobs that
 * ran here are put back like those of any dead worker.
 */
export function exitWhenStuck(fleet: WorkerFleet, log: Log): Disposable {
  const timer = setInterval(() => {
    const stuck = fleet.health().queues.filter((queue) => queue.stuck).map(({ queue }) => queue)
    if (stuck.length === 0) return
    log.fatal({ queues: stuck }, 'worker fetches no more')
    process.exit(1)
  }, LOOK_MS)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
