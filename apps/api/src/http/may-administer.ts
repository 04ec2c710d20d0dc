import { AppError } from '@tallyfleet/domain'
import { DEFAULT_TENANT, type Caller } from '@tallyfleet/features'

/** Whether an admin key administers the whole installation, not its own tenant alone. */
export function administersAll({ tenant }: Caller): boolean {
  return tenant.id === DEFAULT_TENANT
}

/** Throws `SCOPE_MISSING` unless the caller administers this tenant. */
export function checkAdministers(caller: Caller, tenant: string): void {
  if (administersAll(caller) || caller.tenant.id === tenant) return
  throw new AppError('SCOPE_MISSING', `only an admin key of the tenant ${DEFAULT_TENANT} may act for another tenant`)
}
