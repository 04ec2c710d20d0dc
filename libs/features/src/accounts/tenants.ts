import { AppError, timeZoneOf } from '@tallyfleet/domain'
import type { AccountStore, Clock, HotStore, RollupStore, Tenant } from '@tallyfleet/ports'

export const DEFAULT_TENANT = 'default'

/**
 * Makes a tenant. The same id and zone again answers the tenant that is there; another zone moves it while nothing
 * is counted yet. Rejects with `FIELD_INVALID`, or `TENANT_ZONE_FIXED` once an event is counted.
 */
export async function createTenant(
  { id, zone: name }: { id: string; zone: string },
  needs: { accounts: AccountStore; hot: HotStore; rollups: RollupStore; clock: Clock },
): Promise<Tenant> {
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(id) || id in Object.prototype) throw invalid('/id', `${JSON.stringify(id)} is no tenant id`)
  const zone = timeZoneOf(name)
  if (zone === undefined) throw invalid('/zone', `${JSON.stringify(name)} is no IANA time zone`)
  const known = await needs.accounts.findTenant(id)
  if (known?.zone === zone) return known
  if (known && await isCounting(id, needs)) {
    throw new AppError('TENANT_ZONE_FIXED', `tenant ${id} counts in ${known.zone}`)
  }
  const tenant = { id, zone, createdAt: known?.createdAt ?? needs.clock.now() }
  await needs.accounts.putTenant(tenant)
  return tenant
}

/** The tenant; `default` is made in UTC where it is missing. Rejects with `TENANT_UNKNOWN`. */
export async function getTenant(id: string, needs: { accounts: AccountStore; clock: Clock }): Promise<Tenant> {
  const known = await needs.accounts.findTenant(id)
  if (known) return known
  if (id !== DEFAULT_TENANT) throw new AppError('TENANT_UNKNOWN', `no tenant ${JSON.stringify(id)}`)
  const tenant = { id, zone: 'UTC', createdAt: needs.clock.now() }
  await needs.accounts.putTenant(tenant)
  return tenant
}

async function isCounting(tenant: string, { hot, rollups }: { hot: HotStore; rollups: RollupStore }): Promise<boolean> {
  if (await rollups.hasCounts(tenant)) return true
  return (await hot.listLedger()).some((ledger) => ledger.tenant === tenant && ledger.counted > 0)
}

function invalid(pointer: string, detail: string): AppError {
  return new AppError('FIELD_INVALID', detail, { details: { errors: [{ pointer, code: 'FIELD_INVALID', detail }] } })
}
