import { Worker } from 'node:worker_threads'

const BEAT_MS = 1_000
/** Longer than any lock: by now every job of this process runs elsewhere too. */
const LIMIT_MS = 60_000

/**
 * Counts its own looks, not the time: after a SIGSTOP the clock has jumped, and nobody was blocked. It writes to the
 * descriptor, since a thread's standard error goes through the loop that is blocked.
 */
const WATCH = `
const { writeSync } = require('node:fs')
const { workerData: { beats, limit, lookMs, pid } } = require('node:worker_threads')
let seen = -1, same = 0
setInterval(() => {
  const now = Atomics.load(beats, 0)
  same = now === seen ? same + 1 : 0
  seen = now
  if (same < limit) return
  writeSync(2, JSON.stringify({ level: 'fatal', time: new Date().toISOString(), app: 'worker', pid, message: 'event loop blocked' }) + '\\n')
  process.kill(pid, 'SIGKILL')
}, lookMs)`

/**
 * Ends the process when a job blocks it without ever giving way: no timeout, no signal and no probe is heard then. A
 * thread of its own looks; whoever started the process starts another.
 */
export function exitWhenBlocked({ beatMs = BEAT_MS, limitMs = LIMIT_MS } = {}): AsyncDisposable {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => { Atomics.add(beats, 0, 1) }, beatMs)
  timer.unref()
  const watcher = new Worker(WATCH, {
    eval: true, workerData: { beats, limit: Math.ceil(limitMs / beatMs), lookMs: beatMs, pid: process.pid },
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  })
  watcher.unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await watcher.terminate()
    },
  }
}
