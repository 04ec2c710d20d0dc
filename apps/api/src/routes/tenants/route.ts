import { createTenantBodySchema, tenantAnswerSchema, tenantsAnswerSchema } from '@tallyfleet/api-contract'
import { createTenant } from '@tallyfleet/features'
import type { Tenant } from '@tallyfleet/ports'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll, checkAdministers } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const listTenants = defineRoute({
  method: 'get',
  path: '/api/v1/tenants',
  id: 'listTenants',
  tag: 'admin',
  summary: 'The tenants that the key may see',
  scope: 'admin',
  answers: { 200: { description: 'The tenants', schema: tenantsAnswerSchema } },
}, async ({ caller }, { accounts, clock }) => {
  const tenants = overseesAll(caller) ? await accounts.listTenants() : [caller.tenant]
  return { body: toEnvelope(tenants.map(viewOf), clock.now()) }
})

export const postTenant = defineRoute({
  method: 'post',
  path: '/api/v1/tenants',
  id: 'createTenant',
  tag: 'admin',
  summary: 'Make a tenant',
  description: 'Its days start at midnight of its zone, which is fixed once an event is counted. Making the same tenant '
    + 'again changes nothing. Needs an admin key of the tenant `default`.',
  scope: 'admin',
  body: { schema: createTenantBodySchema, types: ['application/json'] },
  answers: { 201: { description: 'The tenant', schema: tenantAnswerSchema } },
  problems: [409],
}, async ({ caller, body }, needs) => {
  checkAdministers(caller, body.id)
  return { status: 201, body: toEnvelope(viewOf(await createTenant(body, needs)), needs.clock.now()) }
})

function viewOf({ id, zone, createdAt }: Tenant) {
  return { id, zone, createdAt: createdAt.toISOString() }
}
