import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openJobQueue } from '@tallyfleet/queue'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { benchJob } from './fleet-jobs.ts'
import { checkOf, figureOf, type Bench, type Measures } from './harness.ts'
import { cpuSecondsOf, expectCount, Workplace } from './workplace.ts'

const PROCESSES = [1, 2, 4]
const CONCURRENCY = 4
const JOB_MS = 5
const GOAL = 0.9
const WARM_UP = 400
const ADD_AT_ONCE = 500
/** What one process cannot exceed. */
const MOST_A_SECOND = CONCURRENCY / JOB_MS * 1_000

/**
 * One queue, worked off by 1, 2 and 4 processes of four jobs at a time, each of which waits for 5 ms: what another
 * process adds. The clock runs from the first job after a warm-up until none is waiting or active; every job must
 * have run once, in one of them.
 */
export const scale: Bench = async (options) => {
  await using workplace = new Workplace()
  const url = await workplace.startServer('redis')
  const redis = new Redis(url, { maxRetriesPerRequest: null })
  const queue = new Queue(benchJob.queue, { connection: redis, prefix: '{tally}' })
  const runs = new Map<number, Measures[]>(PROCESSES.map((processes) => [processes, []]))
  try {
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      for (const processes of repeat % 2 === 0 ? PROCESSES : PROCESSES.toReversed()) {
        const jobs = Math.round(MOST_A_SECOND * 0.8 * processes * options.seconds)
        const measures = await drain(workplace, { url, redis, queue }, processes, jobs)
        runs.get(processes)!.push(measures)
        options.say(`${repeat + 1}/${options.repeats} ${processes} processes: ${Math.round(measures['rate']!)} jobs/s`)
      }
    }
  } finally {
    await queue.close()
    redis.disconnect()
  }
  const one = runs.get(1)!
  return {
    arms: PROCESSES.flatMap((processes) => [figureOf(`${processes} processes`, runs.get(processes)!, 'rate', 'jobs/s'),
      figureOf(`${processes} processes`, runs.get(processes)!, 'cpuMicros', 'µs processor/job')]),
    checks: PROCESSES.slice(1).map((processes) =>
      checkOf(`${processes} processes, of linear`, { ours: runs.get(processes)!, bare: one.map(({ rate }) => ({ rate: rate! * processes })) }, 'rate', GOAL, 'higher')),
  }
}

async function drain(
  workplace: Workplace, { url, redis, queue }: { url: string; redis: Redis; queue: Queue }, processes: number, jobs: number,
): Promise<Measures> {
  await redis.flushall()
  await queue.pause()
  await using producer = await openJobQueue({ url })
  const all = Array.from({ length: WARM_UP + jobs }, (_, n) => n)
  for (let at = 0; at < all.length; at += ADD_AT_ONCE) {
    await Promise.all(all.slice(at, at + ADD_AT_ONCE).map((n) => producer.enqueue(benchJob, { n })))
  }
  const children = await Promise.all(Array.from({ length: processes }, async () =>
    (await workplace.startProgram<'ready'>('ops/load/src/scale-process.ts', { args: [url, String(CONCURRENCY), String(JOB_MS)] })).child))
  const left = () => queue.getJobCountByTypes('waiting', 'active')
  await queue.resume()
  let before = await left()
  while (before > jobs) {
    await sleep(1)
    before = await left()
  }
  const startedAt = performance.now()
  const cpuBefore = cpuOf(children)
  while (await left() > 0) await sleep(2)
  const seconds = (performance.now() - startedAt) / 1_000
  const cpuSeconds = cpuOf(children) - cpuBefore
  const ran = await Promise.all(children.map((child) => {
    child.send('tell')
    return workplace.hear<number[]>(child)
  }))
  expectCount(`${processes} processes: jobs that ran`, ran.flat().length, all.length)
  expectCount(`${processes} processes: different jobs that ran`, new Set(ran.flat()).size, all.length)
  await workplace.stop(children)
  return { rate: before / seconds, cpuMicros: cpuSeconds / before * 1_000_000 }
}

function cpuOf(children: readonly ChildProcess[]): number {
  return children.reduce((sum, { pid }) => sum + cpuSecondsOf(pid!), 0)
}
