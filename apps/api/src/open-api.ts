import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { ResponseTimes } from '@tallyfleet/features'
import { LiveHub } from '@tallyfleet/features'
import { jobs } from '@tallyfleet/jobs'
import { createMetrics, mergeMetrics, MetricsHub } from '@tallyfleet/metrics'
import { packs } from '@tallyfleet/packs'
import { systemClock, type Log } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin } from '@tallyfleet/queue'
import { openRequestCounts, openStores, type StoresConfig } from '@tallyfleet/stores'
import { buildApp } from './app.ts'
import { serveLive } from './live/serve-live.ts'
import type { ApiNeeds } from './needs.ts'
import type { ApiConfig } from '@tallyfleet/config'

/** A part of the API that serves: disposing ends it in order. */
export type OpenApi = AsyncDisposable & { port: number }

/** A body of 1 MiB from a slow line takes seconds; a sender that takes longer holds a socket for nothing. */
const REQUEST_TIMEOUT_MS = 60_000

/** Opens the stores and listens. Disposing stops accepting, answers what runs, then closes the stores. */
export async function openApi(config: ApiConfig & StoresConfig, log: Log): Promise<OpenApi> {
  await using stack = new AsyncDisposableStack()
  const stores = stack.use(await openStores(config, { packs, log }))
  await stores.startIngest()
  const queues = stack.use(await openQueueAdmin({ url: stores.redisUrl, jobs }))
  const queue = stack.use(await openJobQueue({ url: stores.redisUrl }))
  const metrics = createMetrics({ app: 'api' })
  const exchange = stores.metrics
  const hub = stack.use(new MetricsHub({ metrics, log, publish: (process, list) => exchange.publish(process, list) }))
  /** What every process of the fleet published, this one's fresh; this one's alone while Redis is away. */
  const mergedMetrics = async () => {
    try {
      await exchange.publish(hub.process, await metrics.registry.getMetricsAsJSON())
      return await mergeMetrics(await exchange.list())
    } catch {
      return await metrics.registry.metrics()
    }
  }
  // A container's process has the same id in each of its lives.
  const life = `${hostname()}-${process.pid}-${Date.now().toString(36)}`
  const responseTimes = stack.use(new ResponseTimes(life, { ...stores, clock: systemClock, log }))
  const live = stack.use(new LiveHub({ ...stores, exchange: stores.live, packs, clock: systemClock, log }))
  const needs: ApiNeeds = {
    ...stores, live, exchange: stores.live, queues, queue, boardQueues: queues.bullQueues(), packs, clock: systemClock, log, metrics, config,
    mergedMetrics, responseTimes, requests: stack.use(await openRequestCounts(stores.redisUrl)),
    reportsFolder: join(config.FLEET_HOME, 'reports'),
    dashboardFolder: join(import.meta.dirname, '../../dashboard/dist'),
  }
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 20_000, keepAliveTimeout: 65_000 }, buildApp(needs))
  server.listen(config.HTTP_PORT, config.HTTP_HOST)
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EADDRINUSE' ? 'is taken' : `cannot be listened on (${cause.code ?? cause.message})`
    throw new AppError('CONFIG_INVALID', `HTTP_PORT: ${config.HTTP_HOST}:${config.HTTP_PORT} ${why}`, { cause })
  })
  stack.defer(() => drain(server)) // only now: a server that never listened cannot close
  stack.use(serveLive(server, needs)) // closed before: the server waits for its sockets
  const { port } = server.address() as AddressInfo
  const moved = stack.move()
  return { port, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

/** Stops accepting and resolves when every request is answered; a connection goes as soon as it is idle. */
async function drain(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  const timer = setInterval(() => server.closeIdleConnections(), 50)
  await closed
  clearInterval(timer)
}
