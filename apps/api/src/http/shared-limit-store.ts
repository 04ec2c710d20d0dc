import type { RequestCounts } from '@tallyfleet/ports'
import { MemoryStore, type ClientRateLimitInfo, type Options, type Store } from 'express-rate-limit'

/**
 * Counts of a limit, shared by every API of the installation. While Redis is away each process counts for itself: a
 * limit must neither refuse everybody then nor let a password be guessed.
 */
export class SharedLimitStore implements Store {
  readonly localKeys = false
  readonly #counts: RequestCounts
  readonly #name: string
  readonly #own = new MemoryStore()
  #windowMs = 60_000

  /** @param name sets the keys of one limit apart from those of others */
  constructor(counts: RequestCounts, name: string) {
    this.#counts = counts
    this.#name = name
  }

  init(options: Options): void {
    this.#windowMs = options.windowMs
    this.#own.init(options)
  }

  async increment(key: string): Promise<ClientRateLimitInfo> {
    try {
      const { count, restMs } = await this.#counts.add(this.#keyOf(key), 1, this.#windowMs)
      return { totalHits: count, resetTime: new Date(Date.now() + restMs) }
    } catch {
      return await this.#own.increment(key)
    }
  }

  async decrement(key: string): Promise<void> {
    await this.#counts.add(this.#keyOf(key), -1, this.#windowMs).catch(() => this.#own.decrement(key))
  }

  /** Nobody asks for it: a count ends with its window. */
  async resetKey(key: string): Promise<void> {
    await this.#own.resetKey(key)
  }

  shutdown(): void {
    this.#own.shutdown()
  }

  #keyOf(key: string): string {
    return `${this.#name}:${key}`
  }
}
