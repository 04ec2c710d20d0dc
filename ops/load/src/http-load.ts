import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { quantile } from './harness.ts'

/**
 * What to send: `requests` posts of `batch` events each (1: a bare event), every event with an id of its own. With
 * `perSecond` they are due at that rate, in a burst each millisecond, whether or not the server keeps up; without, each
 * connection asks again as soon as it is answered.
 */
export type LoadOrder = {
  url: string; key: string; connections: number; requests: number; batch: number; perSecond?: number | undefined
}

/** Latencies count from the moment at which a request was due: what a slow answer holds up waits, too. */
export type LoadAnswer = { seconds: number; accepted: number; p50Ms: number; p99Ms: number }

const ENTITIES = 2_000
const run = randomUUID()
let events = 0

function eventText(occurredAt: string): string {
  const at = events++
  return `{"domain":"jav","entity_type":"movie","entity_id":"m-${(at * 7_919) % ENTITIES}","action":"view",`
    + `"occurred_at":"${occurredAt}","event_id":"${run}-${at}"}`
}

/** All requests as bytes, made before the clock starts: the sender shares the machine with what it measures. */
function requestsOf({ url, key, requests, batch }: LoadOrder): Buffer[] {
  const occurredAt = new Date().toISOString()
  const head = `POST /api/v1/events HTTP/1.1\r\nhost: ${new URL(url).host}\r\nconnection: keep-alive\r\n`
    + `content-type: application/json\r\nauthorization: Bearer ${key}\r\ncontent-length: `
  return Array.from({ length: requests }, () => {
    const body = batch === 1 ? eventText(occurredAt) : `[${Array.from({ length: batch }, () => eventText(occurredAt)).join()}]`
    return Buffer.from(`${head}${body.length}\r\n\r\n${body}`)
  })
}

/** Tells the status of every answer on a connection. */
function answerOf(socket: Socket, onAnswer: (status: number) => void): void {
  let pending: Buffer | undefined
  socket.on('data', (chunk: Buffer) => {
    const bytes = pending ? Buffer.concat([pending, chunk]) : chunk
    const end = bytes.indexOf('\r\n\r\n')
    const length = end < 0 ? undefined : /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1]
    if (length === undefined || bytes.length < end + 4 + Number(length)) {
      pending = bytes
      return
    }
    pending = undefined
    onAnswer(Number(bytes.toString('latin1', 9, 12)))
  })
}

/**
 * Sends an order over plain sockets. A client library takes more of the machine for a request than the servers
 * measured here do.
 */
async function send(order: LoadOrder): Promise<LoadAnswer> {
  const { url, connections, perSecond } = order
  const bytes = requestsOf(order)
  const { hostname, port } = new URL(url)
  const sockets = await Promise.all(Array.from({ length: connections }, () => new Promise<Socket>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })))
  const latencies: number[] = []
  const due = new Float64Array(connections)
  const idle = Array.from({ length: connections }, (_, at) => at)
  let accepted = 0
  let next = 0
  const startedAt = performance.now()
  const dueAt = (request: number) => perSecond ? startedAt + Math.ceil(request / perSecond * 1_000) : performance.now()
  await new Promise<void>((resolve, reject) => {
    const pump = () => {
      while (idle.length > 0 && next < bytes.length) {
        const at = dueAt(next)
        if (at > performance.now()) break
        const connection = idle.pop()!
        due[connection] = at
        sockets[connection]!.write(bytes[next++]!)
      }
    }
    for (const [connection, socket] of sockets.entries()) {
      socket.on('close', () => { reject(new Error('the server closed a connection')) })
      answerOf(socket, (status) => {
        latencies.push(performance.now() - due[connection]!)
        if (status >= 200 && status < 300) accepted++
        idle.push(connection)
        if (latencies.length === bytes.length) resolve()
        else pump()
      })
    }
    pump()
    if (!perSecond) return
    const timer = setInterval(() => {
      pump()
      if (next === bytes.length) clearInterval(timer)
    }, 1)
  })
  const seconds = (performance.now() - startedAt) / 1_000
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return { seconds, accepted, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) }
}

/** A process of its own, so that asking takes no time from answering. Takes orders by message, one at a time. */
process.on('message', async (order: LoadOrder) => process.send!(await send(order)))
process.on('disconnect', () => process.exit())
process.send!('ready')
