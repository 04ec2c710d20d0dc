import { ApiBench, startEventServer, type EventServer } from './api-bench.ts'
import { checkOf, figureOf, interleave, type Bench } from './harness.ts'
import { Workplace } from './workplace.ts'

const CONNECTIONS = 64
const PILOT_REQUESTS = 5_000
const GOAL_RATE = 0.8
const GOAL_P99 = 1.5

/**
 * One event a request: the API with everything on (key, dedupe, ledger, metrics, durable count) against an Express
 * server that parses and checks the same body and says it back.
 */
export const ingest: Bench = async (options) => {
  await using workplace = new Workplace()
  await using api = await ApiBench.open(workplace)
  const echo = await startEventServer(workplace, 'ops/load/src/bare-echo.ts')
  const send = (server: EventServer, requests: number) =>
    api.send(server, { requests, connections: CONNECTIONS, batch: 1, counts: server === api.server })
  await send(api.server, PILOT_REQUESTS)
  const pilot = await send(echo, PILOT_REQUESTS)
  const requests = Math.max(PILOT_REQUESTS, Math.round(pilot['rate']! * options.seconds))
  const runs = await interleave({
    ours: () => send(api.server, requests), bare: () => send(echo, requests),
  }, options, 'one event a request')
  return {
    arms: (['ours', 'bare'] as const).flatMap((arm) => {
      const name = arm === 'ours' ? 'api' : 'bare Express and zod'
      return [figureOf(name, runs[arm], 'rate', 'requests/s'), figureOf(name, runs[arm], 'p99Ms', 'ms p99'),
        figureOf(name, runs[arm], 'cpuMicros', 'µs processor/request')]
    }),
    checks: [checkOf('requests/s', runs, 'rate', GOAL_RATE, 'higher'), checkOf('p99', runs, 'p99Ms', GOAL_P99, 'lower')],
  }
}
