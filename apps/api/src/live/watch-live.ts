import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveMessage } from '@tallyfleet/api-contract'
import { isCredentialValid, type LiveTicket, type ShownDelta } from '@tallyfleet/features'
import type { WebSocket } from 'ws'
import type { ApiNeeds } from '../needs.ts'

const LAG_EVERY_MS = 5_000
const PING_EVERY_MS = 15_000
/** A client that has so much to read yet gets no more deltas until it has read them. */
const MOST_BUFFERED_BYTES = 64 * 1_024
/** Snapshots are tens of kilobytes: asking for them all the time would be a way to be a nuisance. */
const SNAPSHOT_EVERY_MS = 1_000
const SESSION_OVER = 4401
const TRY_LATER = 1013

/** Sends the live view of the ticket's tenant over a socket until it closes. */
export function watchLive(socket: WebSocket, ticket: LiveTicket, needs: ApiNeeds): void {
  const { live, log } = needs
  let stop: (() => void) | undefined
  let lagMs: number | null = null
  let isAlive = true
  let snapshotAt = -SNAPSHOT_EVERY_MS
  let isAsked = false
  /** Deltas that came while a snapshot was made, to follow it. */
  let held: ShownDelta[] | undefined
  let beats = 0

  const send = (message: LiveMessage): void => {
    if (socket.readyState === socket.OPEN && socket.bufferedAmount <= MOST_BUFFERED_BYTES) socket.send(JSON.stringify(message))
  }
  const sendDelta = (delta: ShownDelta): void => {
    lagMs = delta.lagMs
    if (held) held.push(delta)
    else send({ t: 'delta', ...delta })
  }
  const sendSnapshot = async (): Promise<void> => {
    if (isAsked) return
    isAsked = true
    await sleep(Math.max(0, snapshotAt + SNAPSHOT_EVERY_MS - performance.now()), undefined, { ref: false })
    snapshotAt = performance.now()
    held = []
    const snapshot = await live.snapshot(ticket.tenant)
    lagMs = snapshot.lagMs
    send({ t: 'snapshot', ...snapshot })
    const later = held.filter(({ seq }) => seq > snapshot.seq)
    held = undefined
    isAsked = false
    for (const delta of later) sendDelta(delta)
  }
  const fail = (error: unknown): void => {
    log.warn({ err: error }, 'live socket ended')
    socket.close(TRY_LATER, 'a store does not answer')
  }
  const beat = async (): Promise<void> => {
    if (!await isCredentialValid(ticket, needs)) return socket.close(SESSION_OVER, 'the key is revoked or the session over')
    if (!live.isWorking) return socket.close(TRY_LATER, 'a store does not answer') // rather than a picture that stands still
    send({ t: 'lag', ms: lagMs })
    if (++beats % (PING_EVERY_MS / LAG_EVERY_MS) !== 0) return
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }
  const timer = setInterval(() => { beat().catch(fail) }, LAG_EVERY_MS)

  socket.on('pong', () => { isAlive = true })
  socket.on('error', () => {}) // `close` follows
  socket.on('close', () => {
    clearInterval(timer)
    stop?.()
  })
  socket.on('message', (data) => {
    if (String(data) !== '{"t":"snapshot"}') return socket.close(1008, 'only {"t":"snapshot"} is understood')
    sendSnapshot().catch(fail)
  })
  const start = async (): Promise<void> => {
    held = []
    stop = await live.subscribe(ticket.tenant, sendDelta)
    if (socket.readyState !== socket.OPEN) return stop() // it closed meanwhile
    await sendSnapshot()
  }
  start().catch(fail)
}
