import {
  deadLettersQuerySchema, jobsAnswerSchema, purgeAnswerSchema, purgeBodySchema, redriveAnswerSchema, redriveBodySchema,
} from '@tallyfleet/api-contract'
import { listDeadLetters, purgeDeadLetters, redriveDeadLetters, type DeadLetterResult } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { checkOverseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'
import { viewOf } from '../jobs/view-of.ts'

const description = 'Needs an admin key of the tenant `default`, or somebody logged in as operator or admin.'

export const deadLetters = defineRoute({
  method: 'get',
  path: '/api/v1/dlq',
  id: 'listDeadLetters',
  tag: 'fleet',
  summary: 'Jobs that failed for good',
  description,
  scope: 'admin',
  operators: true,
  query: deadLettersQuerySchema,
  answers: { 200: { description: 'The newest first within each queue', schema: jobsAnswerSchema } },
  problems: [404],
}, async ({ caller, query }, needs) => {
  checkOverseesAll(caller)
  return { body: toEnvelope((await listDeadLetters(query, needs)).map(viewOf), needs.clock.now()) }
})

export const redrive = defineRoute({
  method: 'post',
  path: '/api/v1/dlq/redrive',
  id: 'redriveDeadLetters',
  tag: 'fleet',
  summary: 'Put dead letters back to waiting',
  description: `The oldest first, each at most three times unless forced. ${description}`,
  scope: 'admin',
  operators: true,
  body: { schema: redriveBodySchema, types: ['application/json'], example: { reason: 'STORE_UNAVAILABLE', ratePerSecond: 20 } },
  answers: { 200: { description: 'What became of each', schema: redriveAnswerSchema } },
  problems: [404],
}, async ({ caller, body }, needs) => {
  checkOverseesAll(caller)
  return { body: toEnvelope(shown(await redriveDeadLetters(body, needs)), needs.clock.now()) }
})

export const purge = defineRoute({
  method: 'post',
  path: '/api/v1/dlq/purge',
  id: 'purgeDeadLetters',
  tag: 'fleet',
  summary: 'Delete dead letters for good',
  description,
  scope: 'admin',
  operators: true,
  body: { schema: purgeBodySchema, types: ['application/json'], example: { queue: 'sync', reason: 'FIELD_INVALID' } },
  answers: { 200: { description: 'What became of each', schema: purgeAnswerSchema } },
  problems: [404],
}, async ({ caller, body }, needs) => {
  checkOverseesAll(caller)
  return { body: toEnvelope(shown(await purgeDeadLetters(body, needs)), needs.clock.now()) }
})

function shown<Outcome extends string>({ jobs, ...result }: DeadLetterResult<Outcome>) {
  return { ...result, jobs: jobs.map(({ reason, ...job }) => ({ ...job, reason: reason ?? null })) }
}
