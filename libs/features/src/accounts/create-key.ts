import { randomUUIDv7 } from 'node:crypto'
import { AppError, type Fault } from '@tallyfleet/domain'
import { isRevoked, SCOPES, type AccountStore, type ApiKey, type Clock, type Scope } from '@tallyfleet/ports'
import { hashSecret, randomSecret } from './secrets.ts'
import { getTenant } from './tenants.ts'

export type CreateKeyInput = {
  tenant: string
  name: string
  scopes: readonly Scope[]
  publishable?: boolean
  /** Origins of a publishable key, `https://example.org`. */
  origins?: readonly string[]
  /** Events a minute; absent = the installation's default; 0 = off. */
  eventsPerMinute?: number
}

type Needs = { accounts: AccountStore; clock: Clock }

const HOUR_MS = 3_600_000

/**
 * Makes a key and answers its secret, which is nowhere stored.
 * Rejects with `TENANT_UNKNOWN`, or `FIELD_INVALID` with a fault for each field.
 */
export async function createKey(input: CreateKeyInput, needs: Needs): Promise<{ secret: string; key: ApiKey }> {
  const { publishable = false, scopes, name, eventsPerMinute } = input
  const faults = faultsIn(input)
  const origins: string[] = []
  for (const [index, text] of (input.origins ?? []).entries()) {
    const origin = originOf(text)
    if (origin) origins.push(origin)
    else faults.push(invalid(`/origins/${index}`, 'needs the form https://host or https://host:port'))
  }
  if (faults.length > 0) throw new AppError('FIELD_INVALID', 'the key has faults', { details: { errors: faults } })
  const tenant = await getTenant(input.tenant, needs)

  const secret = `tf_${publishable ? 'pk' : 'sk'}_${randomSecret()}`
  const key: ApiKey = {
    id: randomUUIDv7(), tenant: tenant.id, name, secretHash: hashSecret(secret), hint: secret.slice(0, 10),
    scopes: SCOPES.filter((scope) => scopes.includes(scope)), publishable, origins: [...new Set(origins)],
    eventsPerMinute, createdAt: needs.clock.now(), revokedAt: undefined,
  }
  await needs.accounts.appendKey(key)
  return { secret, key }
}

/**
 * Makes a key like the one of this id, which stops now or some hours ahead, so that whoever uses it can change over
 * without a gap. Rejects with `RECORD_UNKNOWN` when there is none, it is revoked, or it is of another tenant than given.
 */
export async function rotateKey(
  id: string, needs: Needs, { tenant, overlapHours = 0 }: { tenant?: string | undefined; overlapHours?: number } = {},
): Promise<{ secret: string; key: ApiKey }> {
  const now = needs.clock.now()
  const old = (await needs.accounts.listKeys(tenant)).find((key) => key.id === id && !isRevoked(key, now))
  if (!old) throw new AppError('RECORD_UNKNOWN', `no key ${id} that is in use`)
  const made = await createKey({ ...old, eventsPerMinute: old.eventsPerMinute }, needs)
  await needs.accounts.revokeKey(id, new Date(now.getTime() + overlapHours * HOUR_MS))
  return made
}

/** The origin as browsers send it, or undefined when the text is no http origin. */
export function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return undefined
  return url.pathname === '/' && !url.search && !url.hash && !url.hostname.includes('*') ? url.origin : undefined
}

function faultsIn({ name, scopes, publishable, origins = [], eventsPerMinute }: CreateKeyInput): Fault[] {
  const faults: Fault[] = []
  if (name.trim() === '' || name.length > 128) faults.push(invalid('/name', 'needs 1 to 128 characters'))
  if (scopes.length === 0) faults.push(invalid('/scopes', 'names no scope'))
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) faults.push(invalid('/scopes', `${scope} is not one of ${SCOPES.join(', ')}`))
  }
  if (publishable && scopes.some((scope) => scope !== 'ingest')) {
    faults.push(invalid('/scopes', 'a publishable key may only ingest'))
  }
  if (publishable && origins.length === 0) faults.push(invalid('/origins', 'a publishable key needs its origins'))
  if (!publishable && origins.length > 0) faults.push(invalid('/origins', 'only a publishable key has origins'))
  if (eventsPerMinute !== undefined && !(Number.isInteger(eventsPerMinute) && eventsPerMinute >= 0)) {
    faults.push(invalid('/eventsPerMinute', 'needs a whole number, 0 = off'))
  }
  return faults
}

function invalid(pointer: string, detail: string): Fault {
  return { pointer, code: 'FIELD_INVALID', detail }
}
