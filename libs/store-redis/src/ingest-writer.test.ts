import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { IngestEvent } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { RedisHotStore } from './redis-hot-store.ts'

const event = (shard: number): IngestEvent => ({ shard, tenant: 'default', member: undefined, increments: [{ field: `f${shard}`, value: 1 }] })

/** Passes everything on to a server, holds its answers back when told, and counts the events that came by. */
async function openGate(url: string) {
  const { hostname, port } = new URL(url)
  const gate = { held: undefined as (() => void)[] | undefined, asked: '', url: '' }
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname)
    client.on('data', (chunk) => {
      gate.asked += chunk.toString('latin1')
      redis.write(chunk)
    })
    redis.on('data', (chunk) => {
      if (gate.held) gate.held.push(() => client.write(chunk))
      else client.write(chunk)
    })
    for (const [one, other] of [[client, redis], [redis, client]] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  gate.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(gate, { [Symbol.dispose]() { server.close() } })
}

test('a second write goes out before the first is answered, and what comes meanwhile shares the third', async () => {
  const redis = await startPrivateRedis()
  try {
    using gate = await openGate(redis.url)
    await using hot = await RedisHotStore.open({ url: gate.url, settleMs: 0 })
    const send = (shard: number) => hot.ingest({ events: [event(shard)], rejected: undefined })
    await send(0)
    gate.asked = ''
    gate.held = []
    const answers = [send(1)]
    await waitUntil(() => gate.asked.includes('hot:{t1}'))
    answers.push(send(2))
    await waitUntil(() => gate.asked.includes('hot:{t2}'))
    answers.push(send(3), send(4))
    const { held } = gate
    gate.held = undefined
    for (const pass of held) pass()
    expect((await Promise.all(answers)).flat()).toEqual(['counted', 'counted', 'counted', 'counted'])
    expect(gate.asked.split('$7\r\nevalsha\r\n')).toHaveLength(4)
  } finally {
    await redis.stop()
  }
})
