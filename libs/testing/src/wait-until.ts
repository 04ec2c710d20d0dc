import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits for a state instead of a time: asks until the predicate's answer is truthy and resolves to it.
 * A predicate that throws has not come true yet; its last error is the cause when time runs out.
 */
export async function waitUntil<T>(
  predicate: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 20 }: { timeoutMs?: number, intervalMs?: number } = {}
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  let cause: unknown
  for (;;) {
    try {
      const answer = await predicate()
      if (answer) return answer
      cause = undefined
    } catch (error) {
      cause = error
    }
    if (performance.now() >= deadline) {
      throw new Error(`not true within ${timeoutMs} ms: ${predicate.toString().slice(0, 200)}`, { cause })
    }
    await sleep(intervalMs)
  }
}
