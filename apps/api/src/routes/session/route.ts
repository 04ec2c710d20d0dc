import { sessionAnswerSchema } from '@tallyfleet/api-contract'
import type { Pack } from '@tallyfleet/domain'
import type { Tenant } from '@tallyfleet/ports'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const session = defineRoute({
  method: 'get',
  path: '/api/v1/session',
  id: 'readSession',
  tag: 'admin',
  summary: 'Who asks, and what there is to look at',
  description: 'A logged-in person may look at every tenant: the header `X-Tenant` names it, on every request.',
  scope: 'read',
  answers: { 200: { description: 'The caller, the tenants and the packs', schema: sessionAnswerSchema } },
  problems: [404],
}, async ({ caller }, { accounts, packs, clock }) => {
  const { key, tenant, user } = caller
  const tenants = user || overseesAll(caller) ? await accounts.listTenants() : [tenant]
  return {
    body: toEnvelope({
      name: key.name, role: user?.role ?? null, scopes: key.scopes, tenant: tenantOf(tenant),
      tenants: tenants.map(tenantOf), packs: [...packs.values()].map(packOf),
    }, clock.now()),
  }
})

function tenantOf({ id, zone, createdAt }: Tenant) {
  return { id, zone, createdAt: createdAt.toISOString() }
}

function packOf({ domain, title, entityTypes, actions }: Pack) {
  return {
    domain, title,
    entityTypes: Object.entries(entityTypes).map(([name, type]) => ({
      name, title: type.title, catalog: type.catalog !== undefined,
      dimensions: Object.entries(type.catalog?.columns ?? {}).filter(([, column]) => column.dimension)
        .map(([column, { title: words }]) => ({ name: column, title: words ?? column })),
    })),
    actions: Object.entries(actions).map(([name, action]) => (
      { name, title: action.title, entityTypes: action.entityTypes ?? null })),
  }
}
