import type { Log } from '@tallyfleet/ports'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'

const LOOK_MS = 500

/**
 * Reads something again whenever the number beside it has grown, so that half a second after a change every process
 * knows of it, and a look costs one small command.
 */
export class ChangeWatch implements Disposable {
  readonly #connection: Connection
  readonly #key: string
  readonly #log: Log
  readonly #read: () => Promise<void>
  readonly #timer: NodeJS.Timeout
  #changes: string | null | undefined
  #looking = false

  /** @param key of the number; @param read is called at the first look, and after each change */
  constructor({ connection, key, log, read }: { connection: Connection; key: string; log: Log; read: () => Promise<void> }) {
    this.#connection = connection
    this.#key = key
    this.#log = log
    this.#read = read
    this.#timer = setInterval(() => { void this.#lookAgain() }, LOOK_MS)
    this.#timer.unref()
  }

  async look(): Promise<void> {
    const current = await (this.#connection as Redis).get(this.#key)
    if (current === this.#changes) return
    await this.#read()
    this.#changes = current
  }

  async #lookAgain(): Promise<void> {
    if (this.#looking) return // a command waits for as long as Redis is away
    this.#looking = true
    try {
      await this.look()
    } catch (error) {
      this.#log.debug({ err: error, key: this.#key }, 'change not read')
    } finally {
      this.#looking = false
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
