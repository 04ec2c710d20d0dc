import { ApiBench, startEventServer, type EventServer } from './api-bench.ts'
import { checkOf, figureOf, interleave, type Bench } from './harness.ts'
import { Workplace } from './workplace.ts'

const CONNECTIONS = 64
const PILOT_REQUESTS = 5_000
/** Until the runtime has compiled what it will. */
const WARM_UPS = 4
const GOAL_RATE = 0.8
const GOAL_P99 = 1.5

/**
 * One event a request: the API with everything on (key, limit, dedupe, ledger, log, metrics, durable count) against an
 * Express server that parses and checks the same body and says it back. Requests/s in a closed loop; latencies at half
 * the rate that the API reached, the same for both, from the moment at which each request was due.
 */
export const ingest: Bench = async (options) => {
  await using workplace = new Workplace()
  await using api = await ApiBench.open(workplace)
  const echo = await startEventServer(workplace, 'ops/load/src/bare-echo.ts')
  const send = (server: EventServer, requests: number, perSecond?: number) =>
    api.send(server, { requests, connections: CONNECTIONS, batch: 1, perSecond, counts: server === api.server })
  const rateOf = async (server: EventServer) => {
    for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await send(server, PILOT_REQUESTS)
    return (await send(server, PILOT_REQUESTS))['rate']!
  }
  const fastest = await rateOf(echo)
  const perSecond = Math.round(await rateOf(api.server) / 2)
  const requests = Math.max(PILOT_REQUESTS, Math.round(fastest * options.seconds / 2))
  const arm = (server: EventServer) => async () => {
    const { rate, cpuMicros } = await send(server, requests)
    const { p50Ms, p99Ms } = await send(server, Math.round(perSecond * options.seconds / 2), perSecond)
    return { rate: rate!, cpuMicros: cpuMicros!, p50Ms: p50Ms!, p99Ms: p99Ms! }
  }
  const runs = await interleave({ ours: arm(api.server), bare: arm(echo) }, options, 'one event a request')
  return {
    arms: (['ours', 'bare'] as const).flatMap((arm) => {
      const name = arm === 'ours' ? 'api' : 'bare Express and zod'
      return [figureOf(name, runs[arm], 'rate', 'requests/s'), figureOf(name, runs[arm], 'cpuMicros', 'µs processor/request'),
        figureOf(`${name} at ${perSecond}/s`, runs[arm], 'p50Ms', 'ms p50'),
        figureOf(`${name} at ${perSecond}/s`, runs[arm], 'p99Ms', 'ms p99')]
    }),
    checks: [checkOf('requests/s', runs, 'rate', GOAL_RATE, 'higher'), checkOf('p99', runs, 'p99Ms', GOAL_P99, 'lower')],
  }
}
