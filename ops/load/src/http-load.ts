import { randomUUID } from 'node:crypto'
import autocannon, { type Result } from 'autocannon'

/** What to send: `requests` posts of `batch` events each (1: a bare event), every event with an id of its own. */
export type LoadOrder = { url: string; key: string; connections: number; requests: number; batch: number }

/** Latencies are those of a closed loop: a slow answer also delays the next question. */
export type LoadAnswer = { seconds: number; accepted: number; p99Ms: number }

const ENTITIES = 2_000
const run = randomUUID()
const occurredAt = new Date().toISOString()
let events = 0

function eventText(): string {
  const at = events++
  return `{"domain":"jav","entity_type":"movie","entity_id":"m-${(at * 7_919) % ENTITIES}","action":"view",`
    + `"occurred_at":"${occurredAt}","event_id":"${run}-${at}"}`
}

/** A process of its own, so that asking takes no time from answering. Takes orders by message, one at a time. */
process.on('message', async ({ url, key, connections, requests, batch }: LoadOrder) => {
  const startedAt = performance.now()
  let answeredAt = startedAt
  const result = await new Promise<Result>((resolve, reject) => {
    const load = autocannon({
      url, connections, amount: requests, timeout: 60,
      requests: [{
        method: 'POST', path: '/api/v1/events',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        setupRequest: (request) => ({
          ...request, body: batch === 1 ? eventText() : `[${Array.from({ length: batch }, eventText).join()}]`,
        }),
      }],
    }, (error, ended) => { if (error) reject(error); else resolve(ended) })
    load.on('response', () => { answeredAt = performance.now() }) // the duration of the result is in whole seconds
  })
  const answer: LoadAnswer = { seconds: (answeredAt - startedAt) / 1_000, accepted: result['2xx'], p99Ms: result.latency.p99 }
  process.send!(answer)
})
process.on('disconnect', () => process.exit())
process.send!('ready')
