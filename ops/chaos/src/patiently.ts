import { setTimeout as sleep } from 'node:timers/promises'
import { toAppError } from '@tallyfleet/domain'

const PATIENCE_MS = 300_000

/** The answer of work that only reads or may be repeated; tried again while a store is away: this machine is busy. */
export async function patiently<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (toAppError(error).kind !== 'unavailable' || performance.now() > deadline) throw error
      await sleep(500)
    }
  }
}
