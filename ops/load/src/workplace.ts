import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { AppError } from '@tallyfleet/domain'

/** The folder of the checkout. */
const ROOT = resolve(import.meta.dirname, '../../..')
const START_TIMEOUT_MS = 600_000
const STOP_TIMEOUT_MS = 20_000
const GRACE_MS = 1_000
const TICKS_A_SECOND = 100

/** Where one benchmark works: a folder and processes of its own, all of which go with it, however it ends. */
export class Workplace implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'fleet-bench-'))
  readonly #children = new Set<ChildProcess>()
  readonly #cleanUp = () => {
    for (const child of this.#children) child.kill('SIGKILL')
    // A server's own children write a moment longer, and a folder that is written to cannot be removed.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, GRACE_MS)
    rmSync(this.folder, { recursive: true, force: true })
  }

  constructor() {
    process.once('exit', this.#cleanUp)
  }

  /**
   * Starts a server of `ops/services` on a free port and answers its URL.
   * Rejects with `STORE_UNAVAILABLE` when this machine cannot run it.
   */
  async startServer(name: 'redis' | 'mongo' | 'mysql'): Promise<string> {
    const child = spawn(join(ROOT, 'ops/services', name, 'start'), [], {
      env: { ...process.env, PORT: '0', DATA_DIR: join(this.folder, name) }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#own(child)
    let lastWords = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => { lastWords = (lastWords + text).slice(-500) })
    const ready = new Promise<string | undefined>((found) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('ready ')) found(line.slice('ready '.length))
      })
      child.once('exit', () => found(undefined))
      setTimeout(() => found(undefined), START_TIMEOUT_MS).unref()
    })
    const url = await ready
    if (url === undefined) throw new AppError('STORE_UNAVAILABLE', `${name} did not start: ${lastWords.trim()}`)
    return url
  }

  /** Starts a program of this checkout with nothing in its environment but `env`, and answers its first message. */
  async startProgram<Message>(
    path: string, { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
  ): Promise<{ child: ChildProcess; message: Message }> {
    const child = fork(join(ROOT, path), args, {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#own(child)
    return { child, message: await this.hear<Message>(child) }
  }

  /** The next message of a program. Rejects when it ends before. */
  async hear<Message>(child: ChildProcess): Promise<Message> {
    const controller = new AbortController()
    try {
      return await Promise.race([
        once(child, 'message', controller).then(([message]) => message as Message),
        once(child, 'exit', controller).then(([code]) => { throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`) }),
      ])
    } finally {
      controller.abort()
    }
  }

  #own(child: ChildProcess): void {
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
  }

  /** Asks processes of this workplace to end, and kills those that do not. */
  async stop(children: Iterable<ChildProcess>): Promise<void> {
    await Promise.all([...children].map(async (child) => {
      if (!this.#children.has(child)) return
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      clearTimeout(timer)
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(this.#children)
    process.off('exit', this.#cleanUp)
    this.#cleanUp()
  }
}

/** Seconds of processor time that a process took so far; NaN where the system does not tell. */
export function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
  } catch {
    return NaN
  }
}

/** Counts are the point: a benchmark that miscounts has measured nothing. */
export function expectCount(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new AppError('BUG', `wrong count: ${what} is ${actual}, not ${expected}`)
}
