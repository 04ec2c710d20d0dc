import {
  cancelledAnswerSchema, jobAnswerSchema, jobParamsSchema, jobsAnswerSchema, jobsQuerySchema, queueParamsSchema,
} from '@tallyfleet/api-contract'
import { defineRoute } from '../../http/define-route.ts'
import { checkOverseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'
import { viewOf } from './view-of.ts'

const description = 'Needs an admin key of the tenant `default`: queues hold the jobs of every tenant.'

export const listJobs = defineRoute({
  method: 'get',
  path: '/api/v1/queues/{queue}/jobs',
  id: 'listJobs',
  tag: 'fleet',
  summary: 'The jobs of a queue in one state',
  description,
  scope: 'admin',
  params: queueParamsSchema,
  query: jobsQuerySchema,
  answers: { 200: { description: 'The jobs, next to run or last to end first', schema: jobsAnswerSchema } },
  problems: [404],
}, async ({ caller, params, query }, { queues, clock }) => {
  checkOverseesAll(caller)
  const jobs = await queues.listJobs(params.queue, query.state, query.limit)
  return { body: toEnvelope(jobs.map(viewOf), clock.now()) }
})

export const getJob = defineRoute({
  method: 'get',
  path: '/api/v1/queues/{queue}/jobs/{id}',
  id: 'getJob',
  tag: 'fleet',
  summary: 'One job',
  description,
  scope: 'admin',
  params: jobParamsSchema,
  answers: { 200: { description: 'The job', schema: jobAnswerSchema } },
  problems: [404],
}, async ({ caller, params: { queue, id } }, { queues, clock }) => {
  checkOverseesAll(caller)
  return { body: toEnvelope(viewOf(await queues.getJob(queue, id)), clock.now()) }
})

export const cancelJob = defineRoute({
  method: 'post',
  path: '/api/v1/queues/{queue}/jobs/{id}/cancel',
  id: 'cancelJob',
  tag: 'fleet',
  summary: 'Cancel a job',
  description: 'One that waits is taken out; one that runs is aborted within 2 s; while no worker is there the order '
    + `waits for one. ${description}`,
  scope: 'admin',
  params: jobParamsSchema,
  answers: { 200: { description: 'What becomes of it', schema: cancelledAnswerSchema } },
  problems: [404, 409],
}, async ({ caller, params: { queue, id } }, { queues, clock }) => {
  checkOverseesAll(caller)
  const outcome = await queues.cancelJob(queue, id)
  return { body: toEnvelope({ queue, id, outcome }, clock.now()) }
})
