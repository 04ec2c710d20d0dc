import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ingestEventOf } from '@tallyfleet/features'
import type { IngestEvent } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'

const ENTITIES = 2_000
const END = 'fleet-bench-end'

/**
 * Answers the bytes that a hot store writes for `requests` requests of `batch` events, each event with an id of its
 * own, `inFlight` requests at a time.
 */
export async function recordIngest(
  url: string, { requests, batch, inFlight }: { requests: number; batch: number; inFlight: number },
): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  let recording = false
  await using recorder = await openRecorder(url, (chunk) => { if (recording) chunks.push(chunk) })
  await using hot = await RedisHotStore.open({ url: recorder.url })
  await hot.ingest({ events: [eventOf(-1)], rejected: undefined }) // so that Redis knows the script
  recording = true
  let next = 0
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (next < requests) {
      const first = next++ * batch
      await hot.ingest({ events: Array.from({ length: batch }, (_, at) => eventOf(first + at)), rejected: undefined })
    }
  }))
  recording = false
  return chunks
}

/** Writes recorded bytes as fast as Redis takes them; answers the seconds until the last one is answered. */
export async function replay(url: string, chunks: readonly Buffer[]): Promise<number> {
  const socket = connectTo(url)
  await once(socket, 'connect')
  const answered = new Promise<void>((resolve, reject) => {
    let tail = ''
    socket.on('data', (data) => {
      tail = (tail + data.toString('latin1')).slice(-END.length - 2)
      if (tail.startsWith(END)) resolve()
    })
    socket.once('error', reject)
  })
  const startedAt = performance.now()
  await pipeline(Readable.from(chunks), socket, { end: false })
  socket.write(`ECHO ${END}\r\n`)
  await answered
  const seconds = (performance.now() - startedAt) / 1_000
  socket.destroy()
  return seconds
}

/** A server that passes everything on to Redis and back, and tells what clients send. */
async function openRecorder(url: string, tell: (chunk: Buffer) => void): Promise<AsyncDisposable & { url: string }> {
  const server = createServer((client) => {
    const redis = connectTo(url)
    client.on('data', (chunk) => { tell(chunk as Buffer) })
    client.pipe(redis).pipe(client)
    for (const [one, other] of [[client, redis], [redis, client]] as const) one.on('error', () => other.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() { server.close() },
  }
}

function connectTo(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname)
}

function eventOf(at: number): IngestEvent {
  return ingestEventOf({
    tenant: 'default', domain: 'jav', entityType: 'movie', entityId: `m-${((at + ENTITIES) * 7_919) % ENTITIES}`,
    action: 'view', bucket: '2026-11-21', eventId: `recorded-${at}`, amounts: [{ measure: 'count', value: 1 }],
  }, 'a secret for measuring')
}
