import { silentLog } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { createMetrics, mergeMetrics, MetricsHub, type Metrics } from './index.ts'

/** Publishes the metrics of one process into `sink`, as its hub would. */
async function publish(metrics: Metrics, sink: Map<string, unknown>): Promise<void> {
  const keep = async (process: string, published: unknown) => { sink.set(process, JSON.parse(JSON.stringify(published))) }
  await new MetricsHub({ metrics, publish: keep, log: silentLog })[Symbol.asyncDispose]()
}

test('asking for a name again answers the same metric', () => {
  const metrics = createMetrics({ runtimeMetrics: false })
  expect(metrics.counter('a_total', 'a')).toBe(metrics.counter('a_total', 'a'))
})

test('the metrics of two processes merge: counters and histograms add up, a gauge follows its aggregator', async () => {
  const sink = new Map<string, unknown>()
  for (const depth of [3, 5]) {
    const metrics = createMetrics({ app: 'worker' })
    metrics.counter('jobs_total', 'jobs', ['queue']).inc({ queue: 'flush' }, 2)
    metrics.gauge('depth', 'depth', [], 'max').set(depth)
    metrics.histogram('run_seconds', 'run').observe(0.2)
    await publish(metrics, sink)
  }
  sink.set('of another release', [{ metric: 1 }])
  const text = await mergeMetrics([...sink.values()])
  expect(text).toContain('jobs_total{queue="flush",app="worker"} 4')
  expect(text).toContain('depth{app="worker"} 5')
  expect(text).toContain('run_seconds_count{app="worker"} 2')
  expect(text).toContain('nodejs_eventloop_lag_seconds')
})

test('a sink that fails is logged once, until a round works again', async () => {
  const warnings: string[] = []
  let fails = true
  let rounds = 0
  const { promise: fourRounds, resolve } = Promise.withResolvers<void>()
  await using hub = new MetricsHub({
    metrics: createMetrics({ runtimeMetrics: false }), everyMs: 1,
    publish: async () => {
      if (++rounds >= 4) { fails = false; resolve() }
      if (fails) throw new Error('redis is away')
    },
    log: { ...silentLog, warn: (_, message) => { warnings.push(message) } },
  })
  hub satisfies AsyncDisposable
  // The hub's timer does not hold the process: this one does.
  const alive = setInterval(() => {}, 1_000)
  await fourRounds
  clearInterval(alive)
  expect(warnings).toEqual(['metrics not published'])
})
