import {
  jobRuleAnswerSchema, jobRuleBodySchema, jobRuleParamsSchema, jobRulesAnswerSchema,
} from '@tallyfleet/api-contract'
import { defineRoute } from '../../http/define-route.ts'
import { checkOverseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const description = 'Needs an admin key of the tenant `default`.'

export const jobRules = defineRoute({
  method: 'get',
  path: '/api/v1/job-rules',
  id: 'listJobRules',
  tag: 'fleet',
  summary: 'Which jobs are paused or rolled out',
  description,
  scope: 'admin',
  answers: { 200: { description: 'Jobs without a rule are left out', schema: jobRulesAnswerSchema } },
}, async ({ caller }, { queues, clock }) => {
  checkOverseesAll(caller)
  return { body: toEnvelope(await queues.listRules(), clock.now()) }
})

export const putJobRule = defineRoute({
  method: 'put',
  path: '/api/v1/job-rules/{job}',
  id: 'putJobRule',
  tag: 'fleet',
  summary: 'Pause a job, or give a share of it to a release',
  description: 'Replaces the rule of the job; an empty one is forgotten. Workers follow within half a second, and look '
    + `again every ten at jobs that were not theirs to run. ${description}`,
  scope: 'admin',
  params: jobRuleParamsSchema,
  body: { schema: jobRuleBodySchema, types: ['application/json'], example: { rollout: { release: '2026-12', share: 5 } } },
  answers: { 200: { description: 'The rule that holds now', schema: jobRuleAnswerSchema } },
  problems: [404],
}, async ({ caller, params: { job }, body }, { queues, clock }) => {
  checkOverseesAll(caller)
  const rule = { job, ...body }
  await queues.putRule(rule)
  return { body: toEnvelope(rule, clock.now()) }
})
