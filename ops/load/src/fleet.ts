import type { ChildProcess } from 'node:child_process'
import { openJobQueue } from '@tallyfleet/queue'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { benchJob, jobOptions, prefixOf, type Arm, type FleetOrder, type FleetRun } from './fleet-jobs.ts'
import { checkOf, figureOf, interleave, type Bench, type Measures, type Outcome } from './harness.ts'
import { expectCount, Workplace } from './workplace.ts'

const CONCURRENCIES = [1, 8, 32]
const KINDS = [{ name: 'no-op', ms: 0, goal: 0.9 }, { name: '5 ms', ms: 5, goal: 0.98 }]
const GOAL_CPU = 1.15
/** Jobs that do nothing, before the first clock of a process: until the runtime has compiled what it will. */
const WARM_UP = 20_000
const ADD_AT_ONCE = 500

/**
 * Our runtime, with its log and metrics as in production, against bare BullMQ of the same version, options and
 * retention. Each arm is a process that lives on, as workers do. In turn, a paused queue is filled for one of them, and
 * its clock runs from the moment it resumes the queue until Redis holds no job that is waiting or active.
 */
export const fleet: Bench = async (options) => {
  await using workplace = new Workplace()
  const url = await workplace.startServer('redis')
  const redis = new Redis(url)
  const outcome: Outcome = { arms: [], checks: [] }
  const drain = async (arm: Arm, child: ChildProcess, order: FleetOrder): Promise<Measures> => {
    await redis.flushall()
    await fill(arm, url, order.jobs)
    await redis.config('RESETSTAT')
    const told = workplace.hear<FleetRun>(child)
    child.send(order)
    const { seconds, cpuSeconds, once, left } = await told
    expectCount(`${arm}: jobs that ran exactly once`, once, order.jobs)
    expectCount(`${arm}: jobs that are left or failed`, left, 0)
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]
    return { rate: order.jobs / seconds, cpuMicros: cpuSeconds / order.jobs * 1_000_000, scripts: Number(calls) / order.jobs }
  }
  try {
    for (const concurrency of CONCURRENCIES) {
      const start = async (arm: Arm) => (await workplace.startProgram('ops/load/src/fleet-process.ts', { args: [arm, url, String(concurrency)] })).child
      const children = { ours: await start('ours'), bare: await start('bare') }
      for (const arm of ['ours', 'bare'] as const) await drain(arm, children[arm], { ms: 0, jobs: WARM_UP })
      for (const { name, ms, goal } of KINDS) {
        const cell = `${name} × ${concurrency}`
        const pilot = await drain('bare', children.bare, { ms, jobs: ms > 0 ? 100 * concurrency : 3_000 })
        const jobs = Math.max(100, Math.round(pilot['rate']! * options.seconds))
        const runs = await interleave({
          ours: () => drain('ours', children.ours, { ms, jobs }), bare: () => drain('bare', children.bare, { ms, jobs }),
        }, options, cell)
        for (const arm of ['ours', 'bare'] as const) {
          outcome.arms.push(figureOf(`${arm}, ${cell}`, runs[arm], 'rate', 'jobs/s'),
            figureOf(`${arm}, ${cell}`, runs[arm], 'cpuMicros', 'µs processor/job'),
            figureOf(`${arm}, ${cell}`, runs[arm], 'scripts', 'Redis scripts/job'))
        }
        outcome.checks.push(checkOf(`jobs/s, ${cell}`, runs, 'rate', goal, 'higher'),
          checkOf(`processor a job, ${cell}`, runs, 'cpuMicros', GOAL_CPU, 'lower'))
      }
      await workplace.stop(Object.values(children))
    }
    return outcome
  } finally {
    redis.disconnect()
  }
}

/** Puts jobs 0 … count − 1 into the paused queue, each arm by its own producer. */
async function fill(arm: Arm, url: string, count: number): Promise<void> {
  const bare = new Queue(benchJob.queue, { connection: { url }, prefix: prefixOf(arm) })
  await bare.pause()
  await using ours = arm === 'ours' ? await openJobQueue({ url }) : undefined
  for (let at = 0; at < count; at += ADD_AT_ONCE) {
    const numbers = numbersFrom(at, count)
    if (ours) await Promise.all(numbers.map((n) => ours.enqueue(benchJob, { n })))
    else await bare.addBulk(numbers.map((n) => ({ name: benchJob.name, data: { n }, opts: jobOptions })))
  }
  await bare.close()
}

function numbersFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.min(ADD_AT_ONCE, end - first) }, (_, at) => first + at)
}
