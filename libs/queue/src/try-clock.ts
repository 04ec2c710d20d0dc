import type { RunningTry } from './running-try.ts'

/**
 * One timer for the timeouts of all tries of a worker. A timer of its own would cost each of them more than its labels,
 * and nearly every try ends before anything is due.
 */
export class TryClock implements Disposable {
  readonly #running: ReadonlyMap<string, RunningTry>
  #timer: NodeJS.Timeout | undefined
  #firesAt = Infinity

  constructor(running: ReadonlyMap<string, RunningTry>) {
    this.#running = running
  }

  /** To be called with each try whose clock has started. */
  watch({ dueAt }: RunningTry): void {
    if (dueAt < this.#firesAt) this.#arm(dueAt)
  }

  #arm(at: number): void {
    clearTimeout(this.#timer)
    this.#firesAt = at
    this.#timer = setTimeout(() => this.#look(), Math.max(1, at - performance.now()))
    this.#timer.unref()
  }

  /** A timer may be a little early: then it is set again. */
  #look(): void {
    const now = performance.now()
    this.#firesAt = Infinity
    let next = Infinity
    for (const one of this.#running.values()) {
      if (one.dueAt <= now) one.passDue()
      next = Math.min(next, one.dueAt)
    }
    if (next < this.#firesAt) this.#arm(next)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
