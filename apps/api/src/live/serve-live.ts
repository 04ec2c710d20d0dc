import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { AppError, toAppError } from '@tallyfleet/domain'
import { claimLiveTicket, type LiveTicket } from '@tallyfleet/features'
import { WebSocketServer } from 'ws'
import type { ApiNeeds } from '../needs.ts'
import { LIVE_PATH } from '../routes/live/route.ts'
import { watchLive } from './watch-live.ts'

/** Of one process; each holds some kilobytes. */
const MOST_SOCKETS = 2_000
const STATUS: Partial<Record<AppError['kind'], string>> = {
  unauthenticated: '401 Unauthorized', forbidden: '403 Forbidden', 'not-found': '404 Not Found', unavailable: '503 Service Unavailable',
}

/** Opens sockets of the live view on a server. Disposing closes them all, so that the server can end. */
export function serveLive(server: Server, needs: ApiNeeds): AsyncDisposable {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1_024, clientTracking: true, perMessageDeflate: false })
  const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    stream.on('error', () => {}) // the client is gone
    admit(request).then(
      (ticket) => sockets.handleUpgrade(request, stream, head, (socket) => watchLive(socket, ticket, needs)),
      (error: unknown) => refuse(stream, toAppError(error)),
    )
  }
  server.on('upgrade', upgrade)
  return {
    async [Symbol.asyncDispose]() {
      server.off('upgrade', upgrade)
      for (const socket of sockets.clients) socket.close(1001, 'the server ends')
      // One that does not answer is cut off.
      const timer = setTimeout(() => { for (const socket of sockets.clients) socket.terminate() }, 1_000)
      await new Promise<void>((resolve) => sockets.close(() => resolve()))
      clearTimeout(timer)
    },
  }

  async function admit(request: IncomingMessage): Promise<LiveTicket> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== LIVE_PATH) throw new AppError('ROUTE_UNKNOWN', 'no socket is opened here')
    if (!isOwnOrigin(request, needs.config.HTTP_TRUSTED_PROXIES > 0)) throw new AppError('ORIGIN_FORBIDDEN', 'another site opens no socket')
    if (sockets.clients.size >= MOST_SOCKETS) throw new AppError('OVERLOADED', 'too many sockets are open')
    return await claimLiveTicket(searchParams.get('ticket') ?? '', needs)
  }
}

/** Browsers say which site opens a socket; other clients say nothing. */
function isOwnOrigin({ headers }: IncomingMessage, isBehindProxy: boolean): boolean {
  const { origin } = headers
  if (origin === undefined) return true
  const forwarded = isBehindProxy ? headers['x-forwarded-host'] : undefined
  const host = (typeof forwarded === 'string' ? forwarded.split(',')[0]!.trim() : undefined) ?? headers.host
  return URL.canParse(origin) && new URL(origin).host === host
}

function refuse(stream: Duplex, { code, message, kind }: AppError): void {
  const body = JSON.stringify({ code, detail: message })
  stream.end(`HTTP/1.1 ${STATUS[kind] ?? '500 Internal Server Error'}\r\ncontent-type: application/problem+json\r\n`
    + `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}
