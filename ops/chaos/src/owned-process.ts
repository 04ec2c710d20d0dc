import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const owned = new Set<ChildProcess>()

// However the run ends, nothing of it is left behind.
process.once('exit', () => { for (const child of owned) signal(child, 'SIGKILL') })

/** Notes a process of this run. It is only ever signalled through its own process id, or its group where it leads one. */
export function own(child: ChildProcess): ChildProcess {
  owned.add(child)
  child.once('exit', () => owned.delete(child))
  child.on('error', () => owned.delete(child)) // it never started
  return child
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}

const leaders = new WeakSet<ChildProcess>()

/** Its signals go to all that it started as well. It must have been spawned `detached`. */
export function leadsGroup(child: ChildProcess): ChildProcess {
  leaders.add(child)
  return own(child)
}

export function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || hasEnded(child)) return
  try {
    process.kill(leaders.has(child) ? -child.pid : child.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Signals, and waits for the end. With SIGTERM: SIGKILL after `patienceMs`. */
export async function end(child: ChildProcess, name: 'SIGKILL' | 'SIGTERM', patienceMs = 15_000): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  signal(child, name)
  const timer = setTimeout(() => signal(child, 'SIGKILL'), patienceMs)
  await ended
  clearTimeout(timer)
}
