import { daysBetween, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readCursor, writeCursor } from './cursor.ts'
import { readFreshness, type Freshness } from './freshness.ts'
import { rangeError, readDayRange, wholeBucket } from './range.ts'
import { checkSubject } from './subject.ts'

/** What a range may hold that is not one whole bucket. */
const MAX_DAYS = 400

export type TopQuery = {
  domain: string
  entityType: string
  action: string
  /** A day, or an instant that starts one; both absent = totals. */
  from?: string | undefined
  /** Exclusive. */
  to?: string | undefined
  /** 1 to 1,000. */
  limit: number
  cursor?: string | undefined
}

export type TopEntities = {
  entries: { entityId: string; title: string | undefined; count: number }[]
  /** Absent at the end of the list. */
  nextCursor: string | undefined
  freshness: Freshness
}

type Needs = {
  rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock; secret: string
}

/**
 * The entities with the highest counts, ties by id in UTF-8 byte order. A range that is one whole bucket is read from
 * its index; any other is summed from its days and may hold at most 400 of them.
 * Rejects with `RANGE_INVALID`, `CURSOR_INVALID`, or a code of the subject.
 */
export async function listTopEntities(tenant: Tenant, query: TopQuery, needs: Needs): Promise<TopEntities> {
  const { domain, entityType, action, limit, cursor } = query
  checkSubject(query, needs.packs)
  const range = readDayRange(query, tenant.zone, needs.clock.now())
  const list = [tenant.id, domain, entityType, action, range?.from, range?.to]
  const after = cursor === undefined ? undefined : readCursor(cursor, list, needs.secret)

  const of = { tenant: tenant.id, domain, entityType }
  const bucket = range ? wholeBucket(range) : { interval: 'total' as const, bucket: 'all' }
  if (!bucket && daysBetween(range!.from, range!.to) > MAX_DAYS) {
    throw rangeError('/to', `is more than ${MAX_DAYS} days after \`from\``)
  }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const top = bucket
    ? await needs.rollups.listTop(of, action, bucket, limit, after)
    : await needs.rollups.listTopBetween(of, action, range!.from, range!.to, limit, after)

  const titles = await titlesOf(of, top.map(({ entityId }) => entityId), needs)
  const last = top.at(-1)
  return {
    entries: top.map(({ entityId, count }) => ({ entityId, title: titles.get(entityId), count })),
    nextCursor: last && top.length === limit ? writeCursor(last, list, needs.secret) : undefined,
    freshness,
  }
}

async function titlesOf(
  of: { tenant: string; domain: string; entityType: string }, ids: string[], { catalog, packs }: Needs,
): Promise<Map<string, string>> {
  if (ids.length === 0 || !packs.get(of.domain)?.entityTypes[of.entityType]?.catalog) return new Map()
  const rows = await catalog.listRows(of, ids)
  return new Map(rows.flatMap(({ id, title }) => (title === null ? [] : [[id, title] as const])))
}
