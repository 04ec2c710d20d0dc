import type { Log } from '@tallyfleet/ports'
import type { WorkerFleet } from '@tallyfleet/queue'

const LOOK_MS = 5_000

/**
 * Ends the process when one of its queues is stuck: whoever started it starts another, which fetches again. Jobs that
 * ran here are put back like those of any dead worker. It ends at the second look, so that probes see why first.
 */
export function exitWhenStuck(fleet: WorkerFleet, log: Log): Disposable {
  let looksStuck = 0
  const timer = setInterval(() => {
    const stuck = fleet.health().queues.filter((queue) => queue.stuck).map(({ queue }) => queue)
    looksStuck = stuck.length === 0 ? 0 : looksStuck + 1
    if (looksStuck < 2) return
    log.fatal({ queues: stuck }, 'worker fetches no more')
    process.exit(1)
  }, LOOK_MS)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
