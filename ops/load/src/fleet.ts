import { openJobQueue } from '@tallyfleet/queue'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { benchJob, BARE_PREFIX, jobOptions, type FleetRun } from './fleet-jobs.ts'
import { checkOf, figureOf, interleave, type Bench, type Measures, type Outcome } from './harness.ts'
import { expectCount, Workplace } from './workplace.ts'

const CONCURRENCIES = [1, 8, 32]
const KINDS = [{ name: 'no-op', ms: 0, goal: 0.9 }, { name: '5 ms', ms: 5, goal: 0.98 }]
const GOAL_CPU = 1.15
/** Until the runtime has compiled what it will: before, a process compiles more than it works. */
const WARM_UP = 6_000
const ADD_AT_ONCE = 500

/**
 * Our runtime, with its log and metrics as in production, against bare BullMQ of the same version, options and
 * retention. A queue is filled first; then a process of its own drains it, and its clock runs from the end of a warm-up,
 * whose jobs do nothing and do not count, until Redis holds no job that is waiting or active.
 */
export const fleet: Bench = async (options) => {
  await using workplace = new Workplace()
  const url = await workplace.startServer('redis')
  const redis = new Redis(url)
  const outcome: Outcome = { arms: [], checks: [] }
  const drain = async (arm: 'ours' | 'bare', ms: number, concurrency: number, jobs: number): Promise<Measures> => {
    await redis.flushall()
    await fill(arm, url, WARM_UP + jobs)
    await redis.config('RESETSTAT')
    const { message } = await workplace.startProgram<FleetRun>('ops/load/src/fleet-process.ts', {
      args: [arm, url, String(concurrency), String(ms), String(WARM_UP), String(jobs)],
    })
    expectCount(`${arm}: jobs that ran exactly once`, message.once, WARM_UP + jobs)
    expectCount(`${arm}: jobs that are left or failed`, message.left, 0)
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]
    return { rate: jobs / message.seconds, cpuMicros: message.cpuSeconds / jobs * 1_000_000, scripts: Number(calls) / (WARM_UP + jobs) }
  }
  try {
    for (const { name, ms, goal } of KINDS) {
      for (const concurrency of CONCURRENCIES) {
        const cell = `${name} × ${concurrency}`
        const pilot = await drain('bare', ms, concurrency, ms > 0 ? 100 * concurrency : 3_000)
        const jobs = Math.max(100, Math.round(pilot['rate']! * options.seconds))
        const runs = await interleave({
          ours: () => drain('ours', ms, concurrency, jobs), bare: () => drain('bare', ms, concurrency, jobs),
        }, options, cell)
        for (const arm of ['ours', 'bare'] as const) {
          outcome.arms.push(figureOf(`${arm}, ${cell}`, runs[arm], 'rate', 'jobs/s'),
            figureOf(`${arm}, ${cell}`, runs[arm], 'cpuMicros', 'µs processor/job'),
            figureOf(`${arm}, ${cell}`, runs[arm], 'scripts', 'Redis scripts/job'))
        }
        outcome.checks.push(checkOf(`jobs/s, ${cell}`, runs, 'rate', goal, 'higher'),
          checkOf(`processor a job, ${cell}`, runs, 'cpuMicros', GOAL_CPU, 'lower'))
      }
    }
    return outcome
  } finally {
    redis.disconnect()
  }
}

/** Puts jobs 0 … count − 1 into the queue, each arm by its own producer. */
async function fill(arm: 'ours' | 'bare', url: string, count: number): Promise<void> {
  if (arm === 'ours') {
    await using queue = await openJobQueue({ url })
    for (let at = 0; at < count; at += ADD_AT_ONCE) {
      await Promise.all(numbersFrom(at, count).map((n) => queue.enqueue(benchJob, { n })))
    }
    return
  }
  const queue = new Queue(benchJob.queue, { connection: { url }, prefix: BARE_PREFIX })
  for (let at = 0; at < count; at += ADD_AT_ONCE) {
    await queue.addBulk(numbersFrom(at, count).map((n) => ({ name: benchJob.name, data: { n }, opts: jobOptions })))
  }
  await queue.close()
}

function numbersFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.min(ADD_AT_ONCE, end - first) }, (_, at) => first + at)
}
