import type { AccountStore, Clock, Role, Scope, User } from '@tallyfleet/ports'
import type { Caller } from './keyring.ts'
import { findSessionUser } from './sessions.ts'
import { DEFAULT_TENANT, getTenant } from './tenants.ts'

/** What a role may do, in the words of API keys. Routes that ask for more look at the user's role themselves. */
export const SCOPES_OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  viewer: ['read'], analyst: ['read'], operator: ['read'], admin: ['read', 'admin'],
}

/**
 * The caller behind a session token, looking at one tenant; undefined when the session is unknown or over.
 * People belong to the installation, so they may look at every tenant. Rejects with `TENANT_UNKNOWN`.
 */
export async function callerOfSession(
  token: string, tenant: string | undefined, needs: { accounts: AccountStore; clock: Clock },
): Promise<Caller & { user: User } | undefined> {
  const user = await findSessionUser(token, needs)
  if (!user) return undefined
  const seen = await getTenant(tenant ?? DEFAULT_TENANT, needs)
  const key = {
    id: user.id, tenant: seen.id, name: user.name, secretHash: '', hint: '', scopes: [...SCOPES_OF_ROLE[user.role]],
    publishable: false, origins: [], eventsPerMinute: undefined, createdAt: user.createdAt, revokedAt: undefined,
  }
  return { key, tenant: seen, user }
}

/** Who did it, for the audit log: `user:name` or `key:id`. */
export function actorOf({ key, user }: Caller): string {
  return user ? `user:${user.name}` : `key:${key.id}`
}
