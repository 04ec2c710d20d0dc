import { z } from 'zod'
import { envelopeOf } from './envelope.ts'

const state = z.int()

export const queuesAnswerSchema = envelopeOf(z.array(z.object({
  queue: z.string(),
  paused: z.boolean(),
  counts: z.object({
    waiting: state, active: state, delayed: state, completed: state, failed: state, prioritized: state,
    'waiting-children': state,
  }),
  oldestReadySeconds: z.number().nullable(),
  oldestDeadSeconds: z.number().nullable(),
  workers: z.int(),
  slots: z.int().meta({ description: 'How many jobs its workers run at a time, in all' }),
  jobsPerSecond: z.number().meta({ description: 'Jobs that ended, over the last five minutes' }),
  runSeconds: z.number().nullable().meta({ description: 'Mean of the last tries that succeeded' }),
  waitGoalSeconds: z.number().meta({ description: 'How long a job may wait' }),
  desiredReplicas: z.int().meta({ description: 'Workers that the queue should have; 0 while it is paused or idle' }),
  stuck: z.boolean().meta({ description: 'Work is ready for half a minute that nobody takes' }),
})))

const jobState = z.enum(['waiting', 'prioritized', 'delayed', 'active', 'waiting-children', 'completed', 'failed'])
const nullableTime = z.iso.datetime().nullable()

export const jobSchema = z.object({
  queue: z.string(),
  job: z.string(),
  id: z.string(),
  state: jobState,
  starts: z.int().meta({ description: 'Tries that started, crashed ones included' }),
  crashes: z.int().meta({ description: 'How often its worker ended while it ran' }),
  redrives: z.int().meta({ description: 'How often it was redriven from the dead letters' }),
  createdAt: z.iso.datetime(),
  dueAt: nullableTime,
  startedAt: nullableTime,
  endedAt: nullableTime,
  reason: z.string().nullable().meta({ description: 'Why the last try failed: a code, a colon, words' }),
  host: z.string().nullable().meta({ description: 'The last worker that took it, as host-pid' }),
  payload: z.unknown(),
}).meta({ id: 'Job' })

const limit = z.coerce.number().int().min(1).max(1_000).default(100)
const queue = z.string().min(1).max(64)
const filter = {
  queue: queue.optional().meta({ description: 'Absent: every queue' }),
  job: z.string().max(64).optional().meta({ description: 'The name of the job' }),
  reason: z.string().max(200).optional().meta({ description: 'A part of the reason, such as an error code' }),
}
const choice = {
  ...filter,
  id: z.string().min(1).max(256).optional().meta({ description: 'One job; needs `queue`' }),
  limit: z.int().min(1).max(1_000).default(100),
  dryRun: z.boolean().default(false).meta({ description: 'Says what would be done, and does nothing' }),
}

export const queueParamsSchema = z.strictObject({ queue })
export const jobParamsSchema = z.strictObject({ queue, id: z.string().min(1).max(256) })
export const jobsQuerySchema = z.strictObject({ state: jobState.default('waiting'), limit })
export const jobsAnswerSchema = envelopeOf(z.array(jobSchema))
export const jobAnswerSchema = envelopeOf(jobSchema)
export const cancelledAnswerSchema = envelopeOf(z.object({
  queue: z.string(),
  id: z.string(),
  outcome: z.enum(['removed', 'aborting']).meta({ description: '`removed`: it waited; `aborting`: its worker ends it within 2 s' }),
}))

const rule = {
  paused: z.boolean().default(false).meta({ description: 'Jobs of this name wait' }),
  rollout: z.strictObject({
    release: z.string().min(1).max(64).meta({ description: 'FLEET_RELEASE of the workers that run the share' }),
    share: z.int().min(0).max(100).meta({ description: 'Percent of the jobs, chosen by id; 0 is a rollback' }),
  }).optional().meta({ description: 'Absent: workers of every release run every job' }),
}
export const jobRuleParamsSchema = z.strictObject({ job: z.string().min(1).max(64) })
export const jobRuleBodySchema = z.strictObject(rule)
export const jobRulesAnswerSchema = envelopeOf(z.array(z.object({ job: z.string(), ...rule })))
export const jobRuleAnswerSchema = envelopeOf(z.object({ job: z.string(), ...rule }))

export const deadLettersQuerySchema = z.strictObject({ ...filter, limit })
export const redriveBodySchema = z.strictObject({
  ...choice,
  ratePerSecond: z.number().min(0.1).max(1_000).optional().meta({ description: 'Spread evenly; limit / rate is at most 30 s' }),
  force: z.boolean().default(false).meta({ description: 'Also those that were redriven three times' }),
}).refine(({ limit, ratePerSecond }) => ratePerSecond === undefined || limit / ratePerSecond <= 30, {
  path: ['ratePerSecond'], message: 'limit / ratePerSecond is more than 30 s: ask for fewer at a time',
})
export const purgeBodySchema = z.strictObject(choice)

function resultOf<Outcome extends string>(...outcomes: Outcome[]) {
  return envelopeOf(z.object({
    dryRun: z.boolean(),
    counts: z.record(z.string(), z.int()),
    jobs: z.array(z.object({
      queue: z.string(), job: z.string(), id: z.string(), reason: z.string().nullable(), outcome: z.enum(outcomes),
    })),
  }))
}
export const redriveAnswerSchema = resultOf('redriven', 'capped', 'gone')
export const purgeAnswerSchema = resultOf('purged', 'gone')
