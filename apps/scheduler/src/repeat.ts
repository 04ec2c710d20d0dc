import type { Log } from '@tallyfleet/ports'

export type Repeated = AsyncDisposable & {
  /** When a round last ended well; the start before any did. */
  readonly lastDoneAt: Date
}

/**
 * Runs `task` at once and then again and again, `everyMs` after its last end; rounds never overlap. A failing round is
 * logged once until one works again. Disposing waits for the round that runs.
 */
export function repeat(name: string, everyMs: number, log: Log, task: () => Promise<unknown>): Repeated {
  let lastDoneAt = new Date()
  let failing = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const round = async (): Promise<void> => {
    try {
      await task()
      lastDoneAt = new Date()
      if (failing) log.info({ task: name }, 'task works again')
      failing = false
    } catch (error) {
      if (!failing) log.warn({ err: error, task: name }, 'task failed')
      failing = true
    }
    if (!stopped) timer = setTimeout(() => { running = round() }, everyMs)
  }
  let running = round()
  return {
    get lastDoneAt() { return lastDoneAt },
    async [Symbol.asyncDispose]() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
