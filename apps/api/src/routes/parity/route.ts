import {
  parityAnswerSchema, parityQuerySchema, startedParityAnswerSchema, startParityBodySchema,
} from '@tallyfleet/api-contract'
import { AppError } from '@tallyfleet/domain'
import { actorOf, DEFAULT_TENANT, listParityRuns, promiseJob } from '@tallyfleet/features'
import { checkParityJob } from '@tallyfleet/jobs'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const parity = defineRoute({
  method: 'get',
  path: '/api/v1/parity',
  id: 'listParityRuns',
  tag: 'proof',
  summary: 'The latest comparison of the stores',
  description: 'A run compares the whole installation. Keys of the tenant `default` see what differs; others, whose '
    + 'business the entities of their neighbours are not, see how much.',
  scope: 'read',
  query: parityQuerySchema,
  answers: { 200: { description: 'The latest runs, newest first', schema: parityAnswerSchema } },
}, async ({ caller, query: { limit } }, needs) => {
  const whole = await listParityRuns(limit, needs)
  const runs = overseesAll(caller) ? whole : whole.map((run) => ({
    ...run, differences: [], orphans: { count: run.orphans.count, sample: [] },
  }))
  return { body: toEnvelope({ latest: runs[0] ?? null, runs }, needs.clock.now()) }
})

export const startParity = defineRoute({
  method: 'post',
  path: '/api/v1/parity',
  id: 'startParityRun',
  tag: 'proof',
  summary: 'Compare the stores now, and repair what differs',
  description: 'A worker does it. A repair changes what differs from its source: rollups by a numbered batch beside '
    + 'which counting goes on, catalog rows and segments by projecting them again. With `dryRun` the differences of the '
    + 'run are the plan, and nothing is changed.',
  scope: 'admin',
  body: { schema: startParityBodySchema, types: ['application/json'], example: { repair: true, dryRun: true } },
  answers: { 202: { description: 'A worker will do it', schema: startedParityAnswerSchema } },
}, async ({ caller, body }, needs) => {
  if (!overseesAll(caller)) {
    throw new AppError('SCOPE_MISSING', `only an admin key of the tenant ${DEFAULT_TENANT} may compare the whole installation`)
  }
  if (body.from && body.to && body.from >= body.to) {
    throw new AppError('PARAMETER_INVALID', 'to is not after from: it is exclusive')
  }
  const jobId = await promiseJob(checkParityJob, body, actorOf(caller), needs)
  return { status: 202, body: toEnvelope({ jobId }, needs.clock.now()) }
})
