import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiConfig, schedulerConfig, workersConfig } from '@tallyfleet/config'
import { jobs } from '@tallyfleet/jobs'
import { loggingConfig } from '@tallyfleet/logging'
import { createMetrics } from '@tallyfleet/metrics'
import { silentLog, type QueueAdmin } from '@tallyfleet/ports'
import { parseQueueChoice, queuesOf, watchQueues } from '@tallyfleet/queue'
import { storesConfig } from '@tallyfleet/stores'
import { expect, test } from 'vitest'
import { ROOT } from './fleet-process.ts'

const DEPLOY = join(ROOT, 'ops/deploy')
const QUEUES = queuesOf(jobs)

type Manifest = { apiVersion: string; kind: string; metadata: { name: string }; spec: any; data?: Record<string, string> }

async function manifestsOf(folder: string): Promise<Manifest[]> {
  const { resources } = JSON.parse(await readFile(join(DEPLOY, folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] }
  const files = resources.filter((path) => path.endsWith('.json'))
  // A file that nobody lists is never applied.
  expect((await readdir(join(DEPLOY, folder))).filter((path) => path.endsWith('.json')).sort()).toEqual([...files].sort())
  return await Promise.all(files.map(async (path) => JSON.parse(await readFile(join(DEPLOY, folder, path), 'utf8')) as Manifest))
}

const base = await manifestsOf('base')
const config = base.find(({ kind }) => kind === 'ConfigMap')!.data!
const deployments = base.filter(({ kind }) => kind === 'Deployment')
const containerOf = ({ spec }: Manifest) => spec.template.spec.containers[0]
const queueOf = (deployment: Manifest) => parseQueueChoice(containerOf(deployment).command[3], QUEUES)
const workers = deployments.filter((deployment) => containerOf(deployment).command[1] === 'worker')

test('every name is used once, and every queue has workers of its own', () => {
  expect(new Set(base.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).size).toBe(base.length)
  expect(workers.flatMap(queueOf).map(({ name }) => name).sort()).toEqual([...QUEUES].sort())
  for (const worker of workers) expect(worker.metadata.name).toBe(`worker-${queueOf(worker)[0]!.name}`)
  expect(deployments.map((deployment) => containerOf(deployment).command.slice(0, 2).join(' ')).sort())
    .toEqual(['./fleet api', './fleet scheduler', ...QUEUES.map(() => './fleet worker')].sort())
})

test('every setting exists and is accepted, and no secret stands beside them', () => {
  const schema = storesConfig.extend({ ...apiConfig.shape, ...workersConfig.shape, ...schedulerConfig.shape, ...loggingConfig.shape })
  expect(Object.keys(config).filter((name) => !(name in schema.shape))).toEqual([])
  expect(schema.safeParse(config).error).toBeUndefined()
  expect(Object.keys(config).filter((name) => /SECRET|_URL|TOKEN/.test(name))).toEqual([])
})

test('probes ask for pages that the role serves, on the port that it listens on', () => {
  const portOf: Record<string, string> = { api: config['HTTP_PORT']!, scheduler: config['SCHEDULER_HTTP_PORT']!, worker: config['WORKER_HTTP_PORT']! }
  for (const deployment of deployments) {
    const container = containerOf(deployment)
    const [{ name, containerPort }] = container.ports
    expect(String(containerPort), deployment.metadata.name).toBe(portOf[container.name])
    const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => {
      expect(container[probe].httpGet.port).toBe(name)
      return container[probe].httpGet.path
    })
    expect(paths).toEqual(['/livez', '/livez', container.name === 'api' ? '/readyz?for=traffic' : '/readyz'])
    // The same labels everywhere, or a deployment owns pods of another.
    expect(deployment.spec.template.metadata.labels).toEqual(deployment.spec.selector.matchLabels)
  }
  expect(new Set(deployments.map(({ spec }) => JSON.stringify(spec.selector.matchLabels))).size).toBe(deployments.length)
})

test('a pod has longer to end than its role takes at most', () => {
  const longestMs: Record<string, number> = { api: 25_000 + 5_000, scheduler: 10_000, worker: Number(config['WORKER_DRAIN_MS']) + 5_000 }
  for (const { spec, ...deployment } of deployments) {
    const { name } = containerOf({ spec, ...deployment })
    expect(spec.template.spec.terminationGracePeriodSeconds * 1_000, name).toBeGreaterThan(longestMs[name]! + 5_000)
  }
})

test.each([['keda', 'ScaledObject'], ['hpa', 'HorizontalPodAutoscaler']])('%s scales the workers of every queue by a metric that exists', async (folder, kind) => {
  const metrics = createMetrics({ runtimeMetrics: false })
  await using watch = watchQueues({ admin: { listQueues: async () => [] } as unknown as QueueAdmin, metrics, log: silentLog })
  watch satisfies AsyncDisposable
  const scalers = await manifestsOf(folder)
  expect(scalers.map((scaler) => [scaler.kind, scaler.spec.scaleTargetRef.name]).sort()).toEqual(QUEUES.map((queue) => [kind, `worker-${queue}`]).sort())
  for (const { metadata, spec } of scalers) {
    const { name, queue } = folder === 'keda' ? metricOfQuery(spec.triggers[0].metadata) : {
      name: spec.metrics[0].external.metric.name, queue: spec.metrics[0].external.metric.selector.matchLabels.queue,
    }
    expect(metrics.registry.getSingleMetric(name), name).toBeDefined()
    expect(`worker-${queue}`).toBe(metadata.name)
    const behavior = spec.behavior ?? spec.advanced.horizontalPodAutoscalerConfig.behavior
    expect(behavior.scaleDown.stabilizationWindowSeconds).toBeGreaterThanOrEqual(120)
    expect([spec.minReplicaCount ?? spec.minReplicas, (spec.maxReplicaCount ?? spec.maxReplicas) > 1]).toEqual([folder === 'keda' ? 0 : 1, true])
    // A deployment that names a number is set back to it by every apply.
    expect(workers.find((worker) => worker.metadata.name === metadata.name)!.spec.replicas).toBeUndefined()
  }
})

function metricOfQuery({ query, threshold }: { query: string; threshold: string }): { name: string; queue: string } {
  expect(threshold).toBe('1') // the metric is a number of workers
  const [, name, queue] = /^max\((\w+)\{queue="(\w+)"\}\)$/.exec(query)!
  return { name: name!, queue: queue! }
}
