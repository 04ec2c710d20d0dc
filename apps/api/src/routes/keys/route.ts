import {
  createdKeyAnswerSchema, createKeyBodySchema, keyParamsSchema, keysAnswerSchema, revokedKeyAnswerSchema,
  rotateKeyBodySchema,
} from '@tallyfleet/api-contract'
import { AppError } from '@tallyfleet/domain'
import { createKey, rotateKey } from '@tallyfleet/features'
import type { ApiKey } from '@tallyfleet/ports'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll, checkAdministers } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const description = 'An admin key of the tenant `default` administers every tenant, any other its own.'

export const listKeys = defineRoute({
  method: 'get',
  path: '/api/v1/keys',
  id: 'listKeys',
  tag: 'admin',
  summary: 'The API keys, without their secrets',
  description,
  scope: 'admin',
  answers: { 200: { description: 'The keys', schema: keysAnswerSchema } },
}, async ({ caller }, { accounts, clock }) => {
  const keys = await accounts.listKeys(overseesAll(caller) ? undefined : caller.tenant.id)
  return { body: toEnvelope(keys.map(viewOf), clock.now()) }
})

export const postKey = defineRoute({
  method: 'post',
  path: '/api/v1/keys',
  id: 'createKey',
  tag: 'admin',
  summary: 'Make an API key',
  description,
  scope: 'admin',
  body: {
    schema: createKeyBodySchema, types: ['application/json'],
    example: { name: 'shop', scopes: ['ingest'], publishable: true, origins: ['https://example.org'] },
  },
  answers: { 201: { description: 'The key; its secret is shown this once', schema: createdKeyAnswerSchema } },
  problems: [404],
}, async ({ caller, body }, needs) => {
  const tenant = body.tenant ?? caller.tenant.id
  checkAdministers(caller, tenant)
  const { secret, key } = await createKey({ ...body, tenant }, needs)
  return { status: 201, body: toEnvelope({ ...viewOf(key), key: secret }, needs.clock.now()) }
})

export const rotateKeyRoute = defineRoute({
  method: 'post',
  path: '/api/v1/keys/{id}/rotate',
  id: 'rotateKey',
  tag: 'admin',
  summary: 'Make an API key like another one, which stops then',
  description: `The old key works on for \`overlapHours\`, so that nothing is refused while its users change over. ${description}`,
  scope: 'admin',
  params: keyParamsSchema,
  body: { schema: rotateKeyBodySchema, types: ['application/json'], example: { overlapHours: 24 } },
  answers: { 201: { description: 'The new key; its secret is shown this once', schema: createdKeyAnswerSchema } },
  problems: [404],
}, async ({ caller, params: { id }, body: { overlapHours } }, needs) => {
  const tenant = overseesAll(caller) ? undefined : caller.tenant.id
  const { secret, key } = await rotateKey(id, needs, { tenant, overlapHours })
  return { status: 201, body: toEnvelope({ ...viewOf(key), key: secret }, needs.clock.now()) }
})

export const deleteKey = defineRoute({
  method: 'delete',
  path: '/api/v1/keys/{id}',
  id: 'revokeKey',
  tag: 'admin',
  summary: 'Revoke an API key',
  description: `It stops within 5 s. ${description}`,
  scope: 'admin',
  params: keyParamsSchema,
  answers: { 200: { description: 'The revoked key', schema: revokedKeyAnswerSchema } },
  problems: [404],
}, async ({ caller, params: { id } }, { accounts, clock }) => {
  const tenant = overseesAll(caller) ? undefined : caller.tenant.id
  const find = async () => (await accounts.listKeys(tenant)).find((key) => key.id === id)
  if (!await find()) throw new AppError('RECORD_UNKNOWN', `no key ${JSON.stringify(id)}`)
  await accounts.revokeKey(id, clock.now())
  return { body: toEnvelope(viewOf((await find())!), clock.now()) }
})

function viewOf({ secretHash: _hash, eventsPerMinute, createdAt, revokedAt, ...key }: ApiKey) {
  return {
    ...key, eventsPerMinute: eventsPerMinute ?? null, createdAt: createdAt.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
  }
}
