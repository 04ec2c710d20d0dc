import { putUserAnswerSchema, putUserBodySchema, usersAnswerSchema } from '@tallyfleet/api-contract'
import { AppError } from '@tallyfleet/domain'
import { createLoginLink, ensureUser, type Caller } from '@tallyfleet/features'
import type { User } from '@tallyfleet/ports'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const listUsers = defineRoute({
  method: 'get',
  path: '/api/v1/users',
  id: 'listUsers',
  tag: 'admin',
  summary: 'The people who may log in',
  scope: 'admin',
  answers: { 200: { description: 'By name', schema: usersAnswerSchema } },
}, async ({ caller }, { accounts, clock }) => {
  checkOversees(caller)
  const users = await accounts.listUsers()
  return { body: toEnvelope(users.map(viewOf).sort((a, b) => (a.name < b.name ? -1 : 1)), clock.now()) }
})

export const putUser = defineRoute({
  method: 'post',
  path: '/api/v1/users',
  id: 'putUser',
  tag: 'admin',
  summary: 'Let a person in, or change their role',
  description: 'Answers a login link for them. Nobody changes their own role, so an administrator always remains.',
  scope: 'admin',
  body: { schema: putUserBodySchema, types: ['application/json'], example: { name: 'jana', role: 'analyst' } },
  answers: { 201: { description: 'The person and their login link', schema: putUserAnswerSchema } },
}, async ({ caller, body: { name, role } }, needs) => {
  checkOversees(caller)
  if (caller.user?.name === name && caller.user.role !== role) {
    throw new AppError('ROLE_MISSING', 'nobody changes their own role')
  }
  const known = await ensureUser(name, role, needs)
  const user = { ...known, role }
  if (known.role !== role) await needs.accounts.putUser(user)
  const loginPath = `/login/link/${await createLoginLink(needs, name)}`
  return { status: 201, body: toEnvelope({ ...viewOf(user), loginPath }, needs.clock.now()) }
})

/** People belong to the installation, not to a tenant. */
function checkOversees(caller: Caller): void {
  if (!caller.user && !overseesAll(caller)) throw new AppError('SCOPE_MISSING', 'people belong to the installation')
}

function viewOf({ id, name, role, passwordHash, createdAt }: User) {
  return { id, name, role, createdAt: createdAt.toISOString(), hasPassword: passwordHash !== undefined }
}
