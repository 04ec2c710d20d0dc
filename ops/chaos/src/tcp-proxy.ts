import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/**
 * `drop`: connections break, and new ones too. `delay`: every byte comes late. `half-open`: what is sent arrives, and
 * the answers are lost.
 */
export type ProxyMode = 'open' | 'drop' | 'delay' | 'half-open'

const DELAY_MS = 700

/** Stands between one process and Redis, and can be a bad network. */
export class TcpProxy implements AsyncDisposable {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #target: URL
  #mode: ProxyMode = 'open'

  private constructor(server: Server, target: URL) {
    this.#server = server
    this.#target = target
    this.url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(targetUrl: string): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new TcpProxy(server, new URL(targetUrl))
    server.on('connection', (near) => proxy.#join(near, connect(Number(proxy.#target.port), proxy.#target.hostname)))
    return proxy
  }

  /** Where new connections go from now on; those that are open break. */
  set target(url: string) {
    this.#target = new URL(url)
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Connections that saw a bad network do not come back to life: they break when it ends. */
  set mode(mode: ProxyMode) {
    const wasBad = this.#mode === 'half-open'
    this.#mode = mode
    if (mode === 'drop' || wasBad) for (const socket of this.#sockets) socket.destroy()
  }

  #join(near: Socket, far: Socket): void {
    if (this.#mode === 'drop') {
      near.destroy()
      far.destroy()
      return
    }
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (bytes) => {
        if (this.#mode === 'half-open' && from === far) return
        if (this.#mode === 'delay') setTimeout(() => { if (!to.destroyed) to.write(bytes) }, DELAY_MS)
        else to.write(bytes)
      })
      from.on('error', () => {})
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}
