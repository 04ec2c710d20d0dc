import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { tellStop } from '@tallyfleet/config'
import { AppError } from '@tallyfleet/domain'
import type { Log } from '@tallyfleet/ports'
import type { OpenApi } from './open-api.ts'

/** A process that dies younger than this is not started again at once: it would die again. */
const RESTART_AFTER_MS = 1_000

/**
 * Runs the API as several processes that share one port. Resolves when all of them listen; one that dies is started
 * again. Disposing ends them all.
 */
export async function openProcesses(count: number, log: Log): Promise<OpenApi> {
  let stopping = false
  const fork = (): Worker => {
    const worker = cluster.fork()
    worker.once('exit', (code, signal) => {
      if (stopping) return
      log.error({ pid: worker.process.pid, code, signal }, 'api process died')
      setTimeout(() => { if (!stopping) fork() }, RESTART_AFTER_MS)
    })
    return worker
  }
  const ports = await Promise.all(Array.from({ length: count }, async () => portOf(fork())))
  return {
    port: ports[0]!,
    async [Symbol.asyncDispose]() {
      stopping = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
        .filter((worker) => !worker.isDead())
      await Promise.all(workers.map(async (worker) => {
        const exited = once(worker, 'exit')
        tellStop(worker.process)
        await exited
      }))
    },
  }
}

/** The port that a process tells once it listens. Rejects when it exits before. */
function portOf(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    let fault: string | undefined
    worker.on('message', (message: { ready?: boolean; port?: number; fault?: string }) => {
      fault ??= message?.fault
      if (message?.ready && message.port !== undefined) resolve(message.port)
    })
    worker.once('exit', (code) => {
      reject(fault === undefined ? new Error(`an api process exited with ${code} before it listened`)
        : new AppError('CONFIG_INVALID', fault))
    })
  })
}
