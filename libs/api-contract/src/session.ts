import { z } from 'zod'
import { tenantSchema } from './admin.ts'
import { envelopeOf } from './envelope.ts'

const role = z.enum(['viewer', 'analyst', 'operator', 'admin'])

/** Who asks, and what there is to look at: enough to build a page around it. */
export const sessionAnswerSchema = envelopeOf(z.object({
  name: z.string().meta({ description: 'Of the person, or of the key' }),
  role: role.nullable().meta({ description: 'null: a key asks' }),
  scopes: z.array(z.enum(['ingest', 'read', 'admin'])),
  tenant: tenantSchema,
  tenants: z.array(tenantSchema).meta({ description: 'Those that the caller may look at; a person names one by `X-Tenant`' }),
  packs: z.array(z.object({
    domain: z.string(),
    title: z.string(),
    entityTypes: z.array(z.object({
      name: z.string(), title: z.string(), catalog: z.boolean(),
      dimensions: z.array(z.object({ name: z.string(), title: z.string() })),
    })),
    actions: z.array(z.object({ name: z.string(), title: z.string(), entityTypes: z.array(z.string()).nullable() })),
  })),
}))

export const userSchema = z.object({
  id: z.string(), name: z.string(), role, createdAt: z.iso.datetime(),
  hasPassword: z.boolean().meta({ description: 'false: has not used the login link yet' }),
}).meta({ id: 'User' })
export const usersAnswerSchema = envelopeOf(z.array(userSchema))

export const putUserBodySchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, dots, - and _, at most 64')
    .meta({ example: 'jana' }),
  role,
})
export const putUserAnswerSchema = envelopeOf(userSchema.extend({
  loginPath: z.string().meta({ description: 'Logs this person in once, within a day; shown this once' }),
}))
