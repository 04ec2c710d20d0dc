import { randomUUIDv7 } from 'node:crypto'
import { AppError, startOfDay } from '@tallyfleet/domain'
import type { Clock, RecordStore, StoredRecord } from '@tallyfleet/ports'
import type { Caller } from '../accounts/keyring.ts'
import { actorOf } from '../accounts/session-caller.ts'
import { readDayRange } from '../explore/range.ts'

/** What people save for themselves, or share with everyone of their tenant. */
export type Owned<Body> = Body & { id: string; owner: string; mine: boolean; createdAt: Date; updatedAt: Date }

export type OwnedKind = 'annotation' | 'view'

/** Of one kind and tenant. */
export const MAX_OWNED = 1_000

type Shareable = { visibility: 'personal' | 'shared' }
type Needs = { records: RecordStore; clock: Clock }

/** Records that the caller may see, their own and the shared ones, oldest first. */
export async function listOwned<Body extends Shareable>(
  kind: OwnedKind, caller: Caller, { records }: Needs,
): Promise<Owned<Body>[]> {
  const found = await records.list({ tenant: caller.tenant.id, kind }, { limit: MAX_OWNED })
  return found.map((record) => viewOf<Body>(record, caller)).filter(({ mine, visibility }) => mine || visibility === 'shared')
}

/**
 * Saves a new record of the caller's. Rejects with `ROLE_MISSING` or `SCOPE_MISSING` when the caller may not share,
 * `FIELD_INVALID` when the tenant has 1,000 of the kind.
 */
export async function createOwned<Body extends Shareable>(
  kind: OwnedKind, body: Body, caller: Caller, needs: Needs,
): Promise<Owned<Body>> {
  checkShares(body, caller)
  const of = { tenant: caller.tenant.id, kind }
  if (await needs.records.count(of) >= MAX_OWNED) {
    throw new AppError('FIELD_INVALID', `the tenant has ${MAX_OWNED} records of this kind: delete some first`)
  }
  const id = randomUUIDv7()
  await needs.records.put(of, { id, owner: actorOf(caller), body }, needs.clock.now())
  return await getOwned(kind, id, caller, needs)
}

/** Replaces the body of a record. Rejects with `RECORD_UNKNOWN`, also for what the caller may not see, or as creating. */
export async function replaceOwned<Body extends Shareable>(
  kind: OwnedKind, id: string, body: Body, caller: Caller, needs: Needs,
): Promise<Owned<Body>> {
  const known = await getOwned<Body>(kind, id, caller, needs)
  checkChanges(known, caller)
  checkShares(body, caller)
  await needs.records.put({ tenant: caller.tenant.id, kind }, { id, owner: known.owner, body }, needs.clock.now())
  return await getOwned(kind, id, caller, needs)
}

/** Rejects as {@link replaceOwned}. */
export async function deleteOwned(kind: OwnedKind, id: string, caller: Caller, needs: Needs): Promise<void> {
  checkChanges(await getOwned(kind, id, caller, needs), caller)
  await needs.records.delete({ tenant: caller.tenant.id, kind }, id)
}

async function getOwned<Body extends Shareable>(
  kind: OwnedKind, id: string, caller: Caller, { records }: Needs,
): Promise<Owned<Body>> {
  const record = await records.find({ tenant: caller.tenant.id, kind }, id)
  const view = record && viewOf<Body>(record, caller)
  // Another person's own record is not told from one that does not exist.
  if (!view || !(view.mine || view.visibility === 'shared')) throw new AppError('RECORD_UNKNOWN', `no ${kind} ${JSON.stringify(id)}`)
  return view
}

function viewOf<Body extends Shareable>({ id, owner, body, createdAt, updatedAt }: StoredRecord, caller: Caller): Owned<Body> {
  return { ...body as Body, id, owner, mine: owner === actorOf(caller), createdAt, updatedAt }
}

/** Viewers keep to themselves what they save; a key shares with the scope `admin`. */
function checkShares({ visibility }: Shareable, { key, user }: Caller): void {
  if (visibility === 'personal') return
  if (user ? user.role === 'viewer' : !key.scopes.includes('admin')) {
    throw user ? new AppError('ROLE_MISSING', 'a viewer may not share: it needs the role analyst')
      : new AppError('SCOPE_MISSING', 'sharing needs a key with the scope admin')
  }
}

/** What is shared is changed by its owner or an administrator. */
function checkChanges({ mine }: { mine: boolean }, { key, user }: Caller): void {
  if (mine || key.scopes.includes('admin')) return
  throw user ? new AppError('ROLE_MISSING', 'it belongs to somebody else: only its owner or an admin may change it')
    : new AppError('SCOPE_MISSING', 'it belongs to somebody else: changing it needs the scope admin')
}

/** A saved view: a name for an address of the dashboard. */
export type ViewBody = Shareable & { name: string; page: string; query: string; pinned: boolean }

/** A note on the time axis; `until` makes it a span. Both RFC 3339. */
export type AnnotationBody = Shareable & {
  at: string
  until: string | null
  title: string
  kind: 'note' | 'deploy' | 'etl' | 'experiment' | 'incident'
  link: string | null
}

/** Notes that touch a range of days of the tenant's zone, earliest first; without a range: all. */
export async function listAnnotations(
  range: { from?: string | undefined; to?: string | undefined }, caller: Caller, needs: Needs,
): Promise<Owned<AnnotationBody>[]> {
  const { zone } = caller.tenant
  const days = readDayRange(range, zone, needs.clock.now())
  const [from, to] = days ? [startOfDay(days.from, zone).getTime(), startOfDay(days.to, zone).getTime()] : [-Infinity, Infinity]
  const notes = await listOwned<AnnotationBody>('annotation', caller, needs)
  return notes.filter(({ at, until }) => Date.parse(at) < to && Date.parse(until ?? at) >= from)
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}
