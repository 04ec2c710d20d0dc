import { expect, test } from 'vitest'
import { createMetrics, serveHealth } from './index.ts'

test('a role without an API tells its health and its metrics over HTTP', async () => {
  const metrics = createMetrics({ runtimeMetrics: false })
  metrics.counter('a_total', 'a').inc()
  let ready = false
  await using server = await serveHealth({ port: 0, host: '127.0.0.1', metrics, health: () => ({ live: true, ready, detail: { active: 1 } }) })
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
    return [response.status, await response.text()] as const
  }
  expect(await ask('/livez')).toEqual([200, '{"status":"ok","detail":{"active":1}}'])
  expect((await ask('/readyz'))[0]).toBe(503)
  ready = true
  expect((await ask('/readyz'))[0]).toBe(200)
  expect((await ask('/metrics'))[1]).toContain('a_total 1')
  expect((await ask('/admin'))[0]).toBe(404)
})
