/** The part of a logger that this lib writes to. */
export type Log = {
  info(fields: Record<string, unknown>, message: string): void
  fatal(fields: Record<string, unknown>, message: string): void
}

export type StopReason = 'SIGTERM' | 'SIGINT' | 'parent gone'

/**
 * Resolves with the reason when the process is asked to stop: SIGTERM, SIGINT, or the end of the IPC channel by which
 * it was started. From then on it has `deadlineMs` to end by itself; a second signal, or the deadline, exits 1.
 */
export function untilStopped({ deadlineMs, log }: { deadlineMs: number; log: Log }): Promise<StopReason> {
  return new Promise((resolve) => {
    let first: StopReason | undefined
    const stop = (reason: StopReason) => {
      if (first === undefined) {
        first = reason
        // Unreferenced: a process that has nothing left to do ends before the deadline.
        setTimeout(() => exit('stop deadline passed', { reason, deadlineMs }), deadlineMs).unref()
        process.channel?.unref()
        resolve(reason)
      } else if (reason !== 'parent gone') {
        exit('second signal', { reason })
      }
    }
    const exit = (message: string, fields: Record<string, unknown>) => {
      log.fatal(fields, message)
      process.exit(1)
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
    if (process.channel) process.once('disconnect', () => stop('parent gone'))
  })
}

/** Tells the process that started this one, if it listens, that the role is ready to serve. */
export function tellReady(fields: Record<string, unknown> = {}): void {
  process.send?.({ ready: true, ...fields })
}
