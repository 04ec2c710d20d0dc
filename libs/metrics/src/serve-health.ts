import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './create-metrics.ts'

/** What a role says of itself. `live` false: replace the process. `ready` false: it makes no progress right now. */
export type Health = { live: boolean; ready: boolean; detail: unknown }

export type HealthServer = AsyncDisposable & { readonly port: number }

/**
 * Serves `/livez`, `/readyz` (200 or 503, with the detail as JSON) and `/metrics` of a process without an API.
 * Rejects when the port is taken.
 */
export async function serveHealth(
  { port, host, health, metrics }: { port: number; host: string; health: () => Health; metrics: Metrics },
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    const answer = (status: number, body: string, type = 'application/json') => {
      response.writeHead(status, { 'content-type': type }).end(body)
    }
    if (path === '/livez' || path === '/readyz') {
      const { live, ready, detail } = health()
      const good = path === '/livez' ? live : live && ready
      answer(good ? 200 : 503, JSON.stringify({ status: good ? 'ok' : 'failing', detail }))
    } else if (path === '/metrics') {
      const { registry } = metrics
      registry.metrics().then((text) => answer(200, text, registry.contentType), () => answer(500, '{}'))
    } else {
      answer(404, '{"status":"not found"}')
    }
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await server[Symbol.asyncDispose]()
    },
  }
}
