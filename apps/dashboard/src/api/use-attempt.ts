import { shallowRef, type ShallowRef } from 'vue'
import type { ApiProblem } from './read-api.ts'

/**
 * Runs what a button asks for. `error` is why the last one failed, for a notice beside the button; the next one takes
 * it back. `attempt` answers whether it went well.
 */
export function useAttempt(): { error: ShallowRef<ApiProblem | undefined>; attempt: (work: () => Promise<unknown>) => Promise<boolean> } {
  const error = shallowRef<ApiProblem>()
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    error.value = undefined
    try {
      await work()
      return true
    } catch (cause) {
      error.value = cause as ApiProblem
      return false
    }
  }
  return { error, attempt }
}
