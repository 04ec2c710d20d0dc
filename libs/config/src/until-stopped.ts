import type { ChildProcess } from 'node:child_process'

/** The part of a logger that this lib writes to. */
export type Log = {
  info(fields: Record<string, unknown>, message: string): void
  fatal(fields: Record<string, unknown>, message: string): void
}

export type StopReason = 'SIGTERM' | 'SIGINT' | 'told by parent' | 'parent gone'

/**
 * Resolves with the reason when the process is asked to stop: SIGTERM, SIGINT, {@link tellStop}, or the end of the IPC
 * channel by which it was started. From then on it has `deadlineMs` to end by itself; a second signal, or the deadline,
 * exits 1.
 */
export function untilStopped({ deadlineMs, log }: { deadlineMs: number; log: Log }): Promise<StopReason> {
  return new Promise((resolve) => {
    let stopping = false
    let signalled = false
    const stop = (reason: StopReason) => {
      if (stopping) return
      stopping = true
      // Unreferenced: a process that has nothing left to do ends before the deadline.
      setTimeout(() => exit('stop deadline passed', { reason, deadlineMs }), deadlineMs).unref()
      process.channel?.unref()
      resolve(reason)
    }
    const signal = (reason: 'SIGTERM' | 'SIGINT') => {
      if (signalled) exit('second signal', { reason })
      signalled = true
      stop(reason)
    }
    const exit = (message: string, fields: Record<string, unknown>) => {
      log.fatal(fields, message)
      process.exit(1)
    }
    process.on('SIGTERM', () => signal('SIGTERM'))
    process.on('SIGINT', () => signal('SIGINT'))
    if (process.channel) {
      process.once('disconnect', () => stop('parent gone'))
      process.on('message', (message: { stop?: boolean } | null) => { if (message?.stop === true) stop('told by parent') })
    }
  })
}

/**
 * Asks a child process that waits in {@link untilStopped} to stop. Not by a signal: one to the whole process group, as
 * Ctrl-C sends it, reaches the child as well, and the second of two ends it at once.
 */
export function tellStop(child: Pick<ChildProcess, 'connected' | 'send' | 'kill'>): void {
  if (!child.connected) child.kill('SIGTERM')
  else child.send({ stop: true }, (error) => { if (error) child.kill('SIGTERM') })
}

/** Tells the process that started this one, if it listens, that the role is ready to serve. */
export function tellReady(fields: Record<string, unknown> = {}): void {
  process.send?.({ ready: true, ...fields })
}
