import { AppError } from '@tallyfleet/domain'
import { createKey, createTenant, ensureUser, rotateKey, setPassword } from '@tallyfleet/features'
import { ROLES, SCOPES, systemClock, type ApiKey } from '@tallyfleet/ports'
import { openAll, openDurable, type Environment } from '../context.ts'
import { table, type CommandResult } from '../output.ts'

const clock = systemClock

export async function createTenantCommand(env: Environment, id: string, { zone }: { zone: string }): Promise<CommandResult> {
  await using stores = await openAll(env)
  const tenant = await createTenant({ id, zone }, { ...stores, clock })
  return { data: tenant, text: `tenant ${tenant.id} counts its days in ${tenant.zone}` }
}

export async function listTenants(env: Environment): Promise<CommandResult> {
  await using stores = await openDurable(env)
  const tenants = await stores.accounts.listTenants()
  return { data: tenants, text: table(['tenant', 'zone'], tenants.map(({ id, zone }) => [id, zone])) }
}

export type CreateKeyOptions = {
  tenant: string; scopes: string; name?: string; limit?: number; publishable?: boolean; origins?: string
}

/** Makes a key and shows its secret, once. */
export async function createKeyCommand(env: Environment, options: CreateKeyOptions): Promise<CommandResult> {
  const scopes = words(options.scopes).map((name) => {
    const scope = SCOPES.find((one) => one === name)
    if (!scope) throw new AppError('USAGE_INVALID', `--scopes: ${JSON.stringify(name)} is not one of ${SCOPES.join(', ')}`)
    return scope
  })
  await using stores = await openDurable(env)
  const { secret, key } = await createKey({
    tenant: options.tenant, name: options.name ?? `${scopes.join('+')} key`, scopes, publishable: options.publishable ?? false,
    origins: words(options.origins ?? ''), ...(options.limit === undefined ? {} : { eventsPerMinute: options.limit }),
  }, { ...stores, clock })
  return { data: { key: secret, ...shown(key) }, text: `${secret}\nkept nowhere: note it now` }
}

export async function listKeys(env: Environment, { tenant }: { tenant?: string }): Promise<CommandResult> {
  await using stores = await openDurable(env)
  const keys = (await stores.accounts.listKeys(tenant)).map(shown)
  return {
    data: keys, text: table(['id', 'tenant', 'name', 'scopes', 'key', 'state'], keys.map((key) => [key.id, key.tenant, key.name,
      key.scopes.join(','), `${key.hint}…`, key.revokedAt ? (key.revokedAt > clock.now() ? `until ${key.revokedAt.toISOString()}` : 'revoked') : key.publishable ? 'publishable' : 'active'])),
  }
}

export async function rotateKeyCommand(env: Environment, id: string, { overlap = 0 }: { overlap?: number }): Promise<CommandResult> {
  await using stores = await openDurable(env)
  const { secret, key } = await rotateKey(id, { ...stores, clock }, { overlapHours: overlap })
  const old = overlap > 0 ? `works ${overlap} h longer` : 'is revoked'
  return { data: { key: secret, ...shown(key) }, text: `${secret}\nkept nowhere: note it now; the old key ${old}` }
}

export async function revokeKey(env: Environment, id: string): Promise<CommandResult> {
  await using stores = await openDurable(env)
  await stores.accounts.revokeKey(id, clock.now())
  return { data: { id }, text: `key ${id} is revoked; every API notices within 5 s` }
}

/** Makes a person who may log in, or changes role and password. The password comes from standard input. */
export async function putUser(env: Environment, name: string, { role, password }: { role: string; password: string }): Promise<CommandResult> {
  const known = ROLES.find((one) => one === role)
  if (!known) throw new AppError('USAGE_INVALID', `--role must be one of ${ROLES.join(', ')}`)
  await using stores = await openDurable(env)
  const user = { ...await ensureUser(name, known, { ...stores, clock }), role: known }
  await setPassword(user, password, { ...stores, clock })
  return { data: { id: user.id, name, role }, text: `${name} may log in as ${role}` }
}

export async function listUsers(env: Environment): Promise<CommandResult> {
  await using stores = await openDurable(env)
  const users = (await stores.accounts.listUsers()).map(({ id, name, role }) => ({ id, name, role }))
  return { data: users, text: table(['name', 'role'], users.map(({ name, role }) => [name, role])) }
}

function shown({ secretHash: _, ...key }: ApiKey): Omit<ApiKey, 'secretHash'> {
  return key
}

function words(text: string): string[] {
  return text.split(',').map((word) => word.trim()).filter(Boolean)
}
