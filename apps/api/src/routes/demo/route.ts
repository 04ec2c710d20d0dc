import { demoAnswerSchema } from '@tallyfleet/api-contract'
import { findDemoState } from '@tallyfleet/demo'
import { AppError } from '@tallyfleet/domain'
import { readLedger, type Caller } from '@tallyfleet/features'
import { loadDemoJob } from '@tallyfleet/jobs'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'
import type { ApiNeeds } from '../../needs.ts'

export const readDemo = defineRoute({
  method: 'get',
  path: '/api/v1/demo',
  id: 'readDemo',
  tag: 'admin',
  summary: 'Whether the tenant holds demo data',
  scope: 'read',
  answers: { 200: { description: 'How far it is', schema: demoAnswerSchema } },
}, async ({ caller }, needs) => ({ body: await answerFor(caller, needs) }))

export const postDemo = defineRoute({
  method: 'post',
  path: '/api/v1/demo',
  id: 'loadDemo',
  tag: 'admin',
  summary: 'Fill the tenant with films and 30 days of traffic',
  description: 'A worker does it within a minute. Asking again adds what is new since then. Only for a tenant without events '
    + 'of its own: nothing takes the demo out again.',
  scope: 'admin',
  answers: { 202: { description: 'It will be done', schema: demoAnswerSchema } },
  problems: [409],
}, async ({ caller }, needs) => {
  const { id: tenant, zone } = caller.tenant
  if (!await findDemoState(tenant, needs) && (await readLedger({ tenant }, needs)).counted > 0) {
    throw new AppError('DEMO_REFUSED', `the tenant ${tenant} has counted events of its own`)
  }
  await needs.queue.enqueue(loadDemoJob, { tenant, zone }, { onlyOne: `demo-${tenant}` })
  const answer = await answerFor(caller, needs)
  return { status: 202, body: { ...answer, data: { ...answer.data, state: 'loading' } } }
})

async function answerFor({ tenant }: Caller, needs: ApiNeeds) {
  const found = await findDemoState(tenant.id, needs)
  return toEnvelope({ state: found?.state ?? 'none', loadedAt: found?.loadedAt ?? null }, needs.clock.now())
}
