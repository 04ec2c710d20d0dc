import { AppError } from '@tallyfleet/domain'

/** A queue to serve, and how many of its jobs run at a time in this process. */
export type QueueChoice = { name: string; concurrency: number }

/** Of a queue that is named without a number. */
export const DEFAULT_CONCURRENCY = 2

/**
 * Reads a choice of queues: `flush:2,sync` serves two jobs of `flush` at a time, and `sync` with the default of 2.
 * Empty or absent: every known queue.
 * @throws AppError `CONFIG_INVALID` for a queue that is not known or named twice, or a concurrency outside 1 to 1,000
 */
export function parseQueueChoice(text: string | undefined, known: readonly string[]): QueueChoice[] {
  const parts = (text ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '')
  if (parts.length === 0) return known.map((name) => ({ name, concurrency: DEFAULT_CONCURRENCY }))
  const chosen = new Set<string>()
  return parts.map((part) => {
    const [, name = '', count] = /^([^:]*)(?::(.*))?$/.exec(part) ?? []
    if (!known.includes(name)) throw fault(`no queue ${JSON.stringify(name)}; there are ${known.join(', ')}`)
    if (chosen.has(name)) throw fault(`the queue ${name} is named twice`)
    chosen.add(name)
    const concurrency = count === undefined ? DEFAULT_CONCURRENCY : /^\d{1,4}$/.test(count) ? Number(count) : 0
    if (concurrency < 1 || concurrency > 1_000) throw fault(`the concurrency of ${name} must be 1 to 1000`)
    return { name, concurrency }
  })
}

function fault(message: string): AppError {
  return new AppError('CONFIG_INVALID', message)
}
