import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { tellStop } from '@tallyfleet/config'
import { AppError } from '@tallyfleet/domain'
import { ROOT, type Environment } from './context.ts'
import { EXIT } from './output.ts'

export const ROLES = { api: 'apps/api/src/main.ts', scheduler: 'apps/scheduler/src/main.ts', worker: 'apps/workers/src/main.ts' } as const
export type RoleName = keyof typeof ROLES

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 4_000
const STEADY_MS = 30_000

/**
 * One role as a child process, started again within 5 s whenever it dies. The child ends by itself when its IPC
 * channel closes, so no role outlives its fleet.
 */
export class Role {
  readonly name: RoleName
  readonly #env: Environment
  readonly #onRestart: (name: RoleName, reason: string) => void
  readonly #giveUpAt: number
  #child: ChildProcess | undefined
  #stopping = false
  #wasReady = false
  #pauseMs = FIRST_PAUSE_MS
  #timer: NodeJS.Timeout | undefined
  #ready = Promise.withResolvers<Record<string, unknown>>()

  /** @param patienceMs how long a role that cannot start with its settings is tried again: a port may come free */
  constructor(name: RoleName, env: Environment, { patienceMs, onRestart }: {
    patienceMs: number; onRestart: (name: RoleName, reason: string) => void
  }) {
    this.name = name
    this.#env = env
    this.#onRestart = onRestart
    this.#giveUpAt = performance.now() + patienceMs
    this.#ready.promise.catch(() => {}) // whoever waits for it hears of it
    this.#start()
  }

  /** What the role said when it was ready for the first time. Rejects when it ends before, because of its settings. */
  get ready(): Promise<Record<string, unknown>> {
    return this.#ready.promise
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Asks the role to stop; SIGKILL after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    tellStop(child)
    const killer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
    await ended
    clearTimeout(killer)
  }

  #start(): void {
    const startedAt = performance.now()
    // Standard output belongs to the fleet's own words; a role's log goes to standard error.
    const child = fork(join(ROOT, ROLES[this.name]), { env: this.#env, stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
    this.#child = child
    let fault = 'see the lines above'
    child.on('message', (message: { ready?: boolean; fault?: string }) => {
      if (message?.fault !== undefined) fault = message.fault
      if (!message?.ready) return
      this.#wasReady = true
      this.#ready.resolve(message)
    })
    child.on('error', () => {}) // 'exit' follows, or the start failed for good and the next one tells
    child.once('exit', (code, signal) => {
      if (this.#stopping) return
      if (code === EXIT.config && !this.#wasReady && performance.now() >= this.#giveUpAt) {
        this.#ready.reject(new AppError('CONFIG_INVALID', `the ${this.name} cannot start: ${fault}`))
        return
      }
      if (performance.now() - startedAt > STEADY_MS) this.#pauseMs = FIRST_PAUSE_MS
      this.#onRestart(this.name, signal ?? `exit ${code}`)
      this.#timer = setTimeout(() => this.#start(), this.#pauseMs)
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    })
  }
}
