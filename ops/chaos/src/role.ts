import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { SelfFault } from './faults.ts'
import type { RoleName } from './kill-points.ts'
import { end, hasEnded, own, signal } from './owned-process.ts'
import { ROOT } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'
import type { Trap } from './traps.ts'

export type RoleOrder = { do: 'trap'; trap: Trap } | { do: 'suffer'; told: SelfFault }

const RESTART_MS = 200
const ARM = join(import.meta.dirname, 'arm-role.ts')

/** A process of the fleet, as an operator runs it: the real program, started again whenever it ends. */
export class Role implements AsyncDisposable {
  readonly name: RoleName
  readonly proxy: TcpProxy
  /** Where an API listens; undefined while it does not. */
  port: number | undefined
  /** Of the program: the next start is of this one. A later one makes jobs that an earlier one does not know. */
  release = 0
  /** Ends that nobody asked for: exit codes other than 0. */
  readonly crashes: string[] = []
  readonly #env: Record<string, string>
  #child: ChildProcess | undefined
  #stopping = false
  #expected = false

  private constructor(name: RoleName, env: Record<string, string>, proxy: TcpProxy) {
    this.name = name
    this.#env = { ...env, REDIS_URL: proxy.url }
    this.proxy = proxy
  }

  static async start(name: RoleName, env: Record<string, string>): Promise<Role> {
    const role = new Role(name, env, await TcpProxy.start(env['REDIS_URL']!))
    role.#start()
    await role.isReady()
    return role
  }

  trap(trap: Trap): void {
    this.#child?.send({ chaos: { do: 'trap', trap } satisfies RoleOrder }, () => {})
  }

  suffer(told: SelfFault): void {
    this.#child?.send({ chaos: { do: 'suffer', told } satisfies RoleOrder }, () => {})
  }

  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL' || name === 'SIGTERM') this.#expected = true
    if (this.#child) signal(this.#child, name)
  }

  async ends(timeoutMs: number): Promise<boolean> {
    const child = this.#child
    if (!child || hasEnded(child)) return true
    return await once(child, 'exit', { signal: AbortSignal.timeout(timeoutMs) }).then(() => true, () => hasEnded(child))
  }

  /** Resolves when the process serves, however often it had to be started. */
  async isReady(): Promise<void> {
    await this.#ready.promise
  }

  /** SIGTERM, and no other start. Answers the exit code; undefined when it had to be killed after `patienceMs`. */
  async stop(patienceMs: number): Promise<number | undefined> {
    this.#stopping = true
    const child = this.#child
    if (child && !hasEnded(child)) await end(child, 'SIGTERM', patienceMs)
    return child?.exitCode ?? undefined
  }

  #ready = Promise.withResolvers<void>()

  #start(): void {
    const child = own(fork(join(ROOT, `apps/${this.name}/src/main.ts`), {
      env: { ...this.#env, CHAOS_RELEASE: String(this.release) }, execArgv: ['--import', ARM], stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }))
    this.#child = child
    this.#expected = false
    child.on('message', (message: { ready?: boolean; port?: number }) => {
      if (!message?.ready) return
      this.port = message.port
      this.#ready.resolve()
    })
    child.once('exit', (code, how) => {
      this.port = undefined
      this.#ready = Promise.withResolvers()
      if (this.#stopping) return
      // 5: a store was away, and the next start finds it. SIGKILL: ours, or a trap's.
      if (how !== 'SIGKILL' && code !== 5 && !this.#expected) this.crashes.push(`${this.name} ended with ${how ?? code}`)
      setTimeout(() => { if (!this.#stopping) this.#start() }, RESTART_MS)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    if (this.#child) await end(this.#child, 'SIGKILL')
    await this.proxy[Symbol.asyncDispose]()
  }
}
