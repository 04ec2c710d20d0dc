import { AppError } from '@tallyfleet/domain'
import { DEFAULT_TENANT, type Caller } from '@tallyfleet/features'

/** Whether a key's scopes reach over the whole installation, not its own tenant alone. */
export function overseesAll({ tenant }: Caller): boolean {
  return tenant.id === DEFAULT_TENANT
}

/** Throws `SCOPE_MISSING` unless the caller administers this tenant. */
export function checkAdministers(caller: Caller, tenant: string): void {
  if (overseesAll(caller) || caller.tenant.id === tenant) return
  throw new AppError('SCOPE_MISSING', `only an admin key of the tenant ${DEFAULT_TENANT} may act for another tenant`)
}

/**
 * Throws `SCOPE_MISSING` unless the caller is a person, whose role was looked at, or a key of the installation: queues
 * hold the jobs of every tenant.
 */
export function checkOverseesAll(caller: Caller): void {
  if (!caller.user) checkAdministers(caller, DEFAULT_TENANT)
}
