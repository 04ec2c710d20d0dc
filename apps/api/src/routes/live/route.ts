import { liveSnapshotAnswerSchema, ticketAnswerSchema } from '@tallyfleet/api-contract'
import { createLiveTicket, TICKET_SECONDS } from '@tallyfleet/features'
import { hasSecret, secretOf } from '../../http/credentials.ts'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'
import { sessionTokenOf } from '../../pages/session.ts'

/** Where sockets are opened. */
export const LIVE_PATH = '/api/v1/live'

export const liveSnapshot = defineRoute({
  method: 'get',
  path: `${LIVE_PATH}/snapshot`,
  id: 'readLiveSnapshot',
  tag: 'live',
  summary: 'What is being counted right now',
  description: 'All processes of the API together, a second old at most. For those who cannot keep a socket open: ask '
    + 'every five seconds. Events of imports are not in it.',
  scope: 'read',
  answers: { 200: { description: 'The last minutes', schema: liveSnapshotAnswerSchema } },
}, async ({ caller }, { live, clock }) => ({ body: toEnvelope(await live.snapshot(caller.tenant.id), clock.now()) }))

export const postTicket = defineRoute({
  method: 'post',
  path: '/api/v1/ws-ticket',
  id: 'createLiveTicket',
  tag: 'live',
  summary: 'A ticket for a socket of the live view',
  description: `Opens one WebSocket at \`${LIVE_PATH}?ticket=…\`. The server sends \`{"t":"snapshot", …}\` (as \`GET ${LIVE_PATH}/snapshot\`), `
    + 'then `{"t":"delta","seq":n, …}` at most once a second, `{"t":"lag","ms":n}` every five, and a ping every fifteen. A client '
    + 'that reads slowly misses deltas: where `seq` jumps, send `{"t":"snapshot"}` for a fresh one. The socket closes with '
    + '4401 when the key is revoked or the session over, and with 1001 when the server ends.',
  scope: 'read',
  answers: { 201: { description: 'The ticket', schema: ticketAnswerSchema } },
}, async ({ caller, request }, { exchange, clock }) => {
  const kind = hasSecret(request) ? 'key' : 'session'
  const secret = kind === 'key' ? secretOf(request, false) : sessionTokenOf(request)!
  const ticket = await createLiveTicket({ tenant: caller.tenant.id, kind, secret }, { exchange })
  const now = clock.now()
  const expiresAt = new Date(now.getTime() + TICKET_SECONDS * 1_000).toISOString()
  return { status: 201, body: toEnvelope({ ticket, path: `${LIVE_PATH}?ticket=${ticket}`, expiresAt }, now) }
})
