import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { AppError, type ErrorCode } from '@tallyfleet/domain'
import type { RecordedEvent } from '@tallyfleet/features'
import type { SelfFault } from './faults.ts'
import { end, hasEnded, own, signal } from './owned-process.ts'
import type { Trap } from './traps.ts'

export type LaneOrder =
  | { do: 'trap'; trap: Trap }
  | { do: 'suffer'; told: SelfFault }
  | { do: 'ingest'; id: number; events: unknown[] }
  | { do: 'import'; id: number; path: string }

export type LaneAnswer =
  | { is: 'loaded' } | { is: 'ready' }
  | { is: 'done'; id: number; answer: unknown }
  | { is: 'refused'; id: number; code: ErrorCode; message: string }
  | { is: 'fault'; what: string; code: ErrorCode; message: string }

export type LaneFault = Omit<Extract<LaneAnswer, { is: 'fault' }>, 'is'>

/** On a machine that is busy with other things too. */
const START_TIMEOUT_MS = 300_000
const PROGRAM = join(import.meta.dirname, 'lane-main.ts')

/**
 * A process that counts, and the one that takes its place when it is killed: the next is loaded in advance, so that a
 * kill costs the fleet milliseconds and many kills fit in a minute.
 */
export class Lane implements AsyncDisposable {
  readonly #env: Record<string, string>
  readonly #onFault: (fault: LaneFault) => void
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>()
  #running: ChildProcess | undefined
  #spare: { child: ChildProcess; loaded: Promise<unknown> }
  #ids = 0

  private constructor(env: Record<string, string>, onFault: (fault: LaneFault) => void) {
    this.#env = env
    this.#onFault = onFault
    this.#spare = this.#fork()
  }

  static async start(env: Record<string, string>, onFault: (fault: LaneFault) => void): Promise<Lane> {
    await using stack = new AsyncDisposableStack()
    const lane = stack.use(new Lane(env, onFault))
    await lane.restart()
    stack.move()
    return lane
  }

  get pid(): number | undefined {
    return this.#running?.pid
  }

  /** Puts the spare process to work. Fails when it cannot open its stores: call again. */
  async restart(): Promise<void> {
    const { child, loaded } = this.#spare
    this.#spare = this.#fork()
    await loaded
    const ready = this.#hear(child, 'ready')
    child.send({ go: true })
    await ready
    child.on('message', (answer: LaneAnswer) => this.#take(answer))
    child.once('exit', () => {
      if (this.#running === child) this.#running = undefined
      for (const { reject } of this.#waiting.values()) reject(new AppError('STORE_UNAVAILABLE', 'the process died'))
      this.#waiting.clear()
    })
    this.#running = child
  }

  trap(trap: Trap): void {
    this.#order({ do: 'trap', trap })
  }

  suffer(told: SelfFault): void {
    this.#order({ do: 'suffer', told })
  }

  signal(name: NodeJS.Signals): void {
    if (this.#running) signal(this.#running, name)
  }

  /** True when the process ended within `timeoutMs`. */
  async ends(timeoutMs: number): Promise<boolean> {
    const child = this.#running
    if (!child || hasEnded(child)) return true
    return await once(child, 'exit', { signal: AbortSignal.timeout(timeoutMs) }).then(() => true, () => hasEnded(child))
  }

  /** Answers what became of each event. */
  ingest(events: unknown[]): Promise<RecordedEvent[]> {
    return this.#ask((id) => ({ do: 'ingest', id, events }), 6_000) as Promise<RecordedEvent[]>
  }

  import(path: string): Promise<unknown> {
    return this.#ask((id) => ({ do: 'import', id, path }), 60_000)
  }

  #ask(order: (id: number) => LaneOrder, timeoutMs: number): Promise<unknown> {
    const id = ++this.#ids
    return new Promise((resolve, reject) => {
      if (!this.#running) throw new AppError('STORE_UNAVAILABLE', 'the process is dead')
      const timer = setTimeout(() => {
        if (this.#waiting.delete(id)) reject(new AppError('STORE_UNAVAILABLE', 'no answer in time'))
      }, timeoutMs)
      this.#waiting.set(id, {
        resolve: (answer) => { clearTimeout(timer); resolve(answer) },
        reject: (error) => { clearTimeout(timer); reject(error) },
      })
      this.#order(order(id))
    })
  }

  #order(order: LaneOrder): void {
    this.#running?.send(order, () => {}) // a process that died meanwhile is seen by its exit
  }

  #take(answer: LaneAnswer): void {
    if (answer.is === 'fault') {
      const { is: _, ...fault } = answer
      this.#onFault(fault)
    }
    if (answer.is !== 'done' && answer.is !== 'refused') return
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.is === 'done') waiting?.resolve(answer.answer)
    else waiting?.reject(new AppError(answer.code, answer.message))
  }

  #fork(): { child: ChildProcess; loaded: Promise<unknown> } {
    const child = own(fork(PROGRAM, { env: this.#env, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }))
    const loaded = this.#hear(child, 'loaded')
    loaded.catch(() => {}) // whoever needs it hears of it
    return { child, loaded }
  }

  async #hear(child: ChildProcess, what: 'loaded' | 'ready'): Promise<void> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), START_TIMEOUT_MS)
    try {
      await Promise.race([
        (async () => { for (;;) if (((await once(child, 'message', controller))[0] as LaneAnswer).is === what) return })(),
        once(child, 'exit', controller).then(() => { throw new AppError('STORE_UNAVAILABLE', `the process ended before it was ${what}`) }),
      ])
    } finally {
      clearTimeout(timer)
      controller.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#running, this.#spare.child].map((child) => child && end(child, 'SIGKILL')))
  }
}
