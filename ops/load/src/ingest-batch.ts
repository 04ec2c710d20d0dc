import { ApiBench } from './api-bench.ts'
import { checkOf, figureOf, interleave, type Bench } from './harness.ts'
import { recordIngest, replay } from './redis-replay.ts'
import { Workplace, expectCount } from './workplace.ts'

const BATCH = 500
const CONNECTIONS = 8
const PILOT_REQUESTS = 40
const GOAL = 0.6
const GOAL_FLUSH_SECONDS = 5

/**
 * 500 events a request over HTTP, against what Redis alone can take: the very bytes that the hot store sends for such
 * requests, recorded once and written to the socket from memory. At the end one more run is flushed.
 */
export const ingestBatch: Bench = async (options) => {
  await using workplace = new Workplace()
  await using api = await ApiBench.open(workplace)
  const overHttp = (requests: number) => api.send(api.server, { requests, connections: CONNECTIONS, batch: BATCH, counts: true })
  await overHttp(PILOT_REQUESTS)
  const pilot = await overHttp(PILOT_REQUESTS)
  const requests = Math.max(PILOT_REQUESTS, Math.round(pilot['rate']! * options.seconds / BATCH))
  const events = requests * BATCH
  const recorded = await recordIngest(api.redisUrl, { requests, batch: BATCH, inFlight: CONNECTIONS })
  const runs = await interleave({
    ours: () => overHttp(requests),
    bare: async () => {
      await api.redis.flushall()
      const seconds = await replay(api.redisUrl, recorded)
      expectCount('events that the replay counted', await api.countEvents(), events)
      return { rate: events / seconds }
    },
  }, options, '500 events a request')
  await overHttp(requests)
  const flush = [{ seconds: await api.flush() }]
  return {
    arms: [figureOf('api', runs.ours, 'rate', 'events/s'), figureOf('api', runs.ours, 'p99Ms', 'ms p99'),
      figureOf('api', runs.ours, 'cpuMicros', 'µs processor/event'), figureOf('Redis alone', runs.bare, 'rate', 'events/s'),
      figureOf(`flush of ${events} events`, flush, 'seconds', 's')],
    checks: [checkOf('events/s', runs, 'rate', GOAL, 'higher'),
      { name: 'seconds from flush to rollups', ratio: flush[0]!.seconds, goal: GOAL_FLUSH_SECONDS, better: 'lower' }],
  }
}
