import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const MOST_TRIES = 50
const PAUSE_MS = 100

/** Requests as bytes, made before the clock starts. */
export type Requests = readonly Buffer[]

/** `acknowledged[i]`: request i was answered with a 2xx. */
export type Sent = { seconds: number; acknowledged: boolean[] }

/**
 * Sends requests over plain sockets, each connection one after the other; a server that closes after an answer is
 * connected to again. Rejects when a request is refused, or gets no answer, unless `untilGone`: then connections end
 * with the server, and what they had not sent stays unsent.
 */
export async function sendAll(
  url: string, requests: Requests, connections: number, { untilGone = false, onAnswer = () => {} }: { untilGone?: boolean; onAnswer?: (answers: number) => void } = {},
): Promise<Sent> {
  const acknowledged = Array<boolean>(requests.length).fill(false)
  let next = 0
  let answers = 0
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: connections }, async () => {
    const connection = new Connection(url)
    try {
      for (let at = next++; at < requests.length; at = next++) {
        let status = await connection.ask(requests[at]!)
        // A server that is in trouble for a moment is asked again, as any client would; a refusal is final.
        for (let tries = 1; status >= 500 && tries < MOST_TRIES; tries++) {
          await sleep(PAUSE_MS)
          status = await connection.ask(requests[at]!)
        }
        if (status < 200 || status > 299) throw new Error(`${url} answered ${status}: ${connection.lastAnswer.slice(0, 300)}`)
        acknowledged[at] = true
        onAnswer(++answers)
      }
    } catch (error) {
      if (!untilGone || !(error instanceof Gone)) throw error
    } finally {
      connection.close()
    }
  }))
  return { seconds: (performance.now() - startedAt) / 1_000, acknowledged }
}

/** The other side went away without an answer. */
class Gone extends Error {}

class Connection {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #pending = ''
  #settle: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined
  lastAnswer = ''

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port || 80)
  }

  /** Sends one request and answers its status, once the whole answer is there. */
  ask(bytes: Buffer): Promise<number> {
    const answer = new Promise<number>((resolve, reject) => { this.#settle = { resolve, reject } })
    this.#socket ??= this.#open()
    this.#socket.write(bytes)
    return answer
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy()
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    this.#pending = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      this.#pending += chunk as unknown as string
      const end = this.#pending.indexOf('\r\n\r\n')
      if (end < 0 || !isWhole(this.#pending, end)) return
      this.lastAnswer = this.#pending
      this.#pending = ''
      if (/\r\nconnection: close/i.test(this.lastAnswer.slice(0, end + 2))) this.#drop(socket)
      this.#settle!.resolve(Number(this.lastAnswer.slice(9, 12)))
    })
    socket.on('error', () => {}) // close comes next
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      this.#settle?.reject(new Gone(`${this.#host}:${this.#port} is gone`))
    })
    return socket
  }

  #drop(socket: Socket): void {
    socket.removeAllListeners('close').destroy()
    this.#socket = undefined
  }
}

function isWhole(answer: string, end: number): boolean {
  const head = answer.slice(0, end + 2)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length !== undefined) return answer.length >= end + 4 + Number(length)
  return /\r\ntransfer-encoding: chunked/i.test(head) ? answer.endsWith('0\r\n\r\n') : head.startsWith('HTTP/1.1 204')
}

/** An HTTP request as it goes over the wire. */
export function requestOf(url: string, method: 'GET' | 'POST', path: string, headers: Record<string, string>, body = ''): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${new URL(url).host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'POST' ? ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`] : [])]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
