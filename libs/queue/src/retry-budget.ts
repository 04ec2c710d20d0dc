/** Retries that each start earns: one in five. */
const EARNED = 0.2
const FIRST = 10
const MOST = 100

/**
 * How many retries a queue may cause in this process: a fifth of what it starts, and a handful to begin with. With most
 * of its jobs failing, a queue would otherwise load the store that fails with several times the work. Without a budget
 * a job waits for its longest back-off instead of a short one; it is never dropped for that.
 */
export class RetryBudget {
  #left = FIRST

  started(): void {
    if (this.#left < MOST) this.#left += EARNED
  }

  /** Takes one retry from the budget; false when there is none. */
  take(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
