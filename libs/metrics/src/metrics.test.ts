import { silentLog } from '@tallyfleet/ports'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createMetrics, mergeMetrics, MetricsHub, type Metrics } from './index.ts'
import { PlainHistogram } from './plain-histogram.ts'

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
    metrics.histogram('run_seconds', 'run').observe({}, 0.2)
    await publish(metrics, sink)
  }
  sink.set('of another release', [{ metric: 1 }])
  const text = await mergeMetrics([...sink.values()])
  expect(text).toContain('jobs_total{queue="flush",app="worker"} 4')
  expect(text).toContain('depth{app="worker"} 5')
  expect(text).toContain('run_seconds_count{app="worker"} 2')
  expect(text).toContain('nodejs_eventloop_lag_seconds')
})

test('a histogram tells the same as that of prom-client', async () => {
  const help = { name: 'run_seconds', help: 'run', labelNames: ['queue', 'job'], buckets: [0.1, 0.5, 1] }
  const [own, theirs] = [new Registry(), new Registry()]
  const [plain, whole] = [new PlainHistogram(help), new Histogram({ ...help, registers: [theirs] })]
  own.registerMetric(plain.asMetric())
  const kept = { queue: 'flush', job: 'flush' }
  for (const value of [0, 0.1, 0.100_001, 0.5, 0.7, 1, 3]) {
    for (const labels of [kept, kept, { queue: 'sync', job: 'a' }, { queue: 'sync', job: 'b' }, { ...kept }]) {
      plain.observe(labels, value)
      whole.observe(labels, value)
    }
  }
  plain.observe(kept, NaN)
  expect(await own.metrics()).toBe(await theirs.metrics())
  expect(await mergeMetrics([await own.getMetricsAsJSON()])).toBe(await mergeMetrics([await theirs.getMetricsAsJSON()]))
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
