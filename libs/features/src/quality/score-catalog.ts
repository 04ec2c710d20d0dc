import { dayOf } from '@tallyfleet/domain'
import type { AccountStore, Clock, RecordsOf, RecordStore, SegmentOf, Tenant } from '@tallyfleet/ports'
import { TWIN_DIMENSION } from '../segments/row-dimensions.ts'
import { countMissing, type Completeness } from './count-missing.ts'
import { countOrphans, listOrphanLinks, type OrphanNeeds } from './find-orphans.ts'
import { listQualitySubjects, type QualitySubject } from './quality-subject.ts'

/** Groups of duplicates that are told of. */
export const MAX_TWINS = 1_000

/** What a catalog was like on a day: the last look of the day stays. */
export type QualitySnapshot = Completeness & {
  at: string
  /** Entities that count without a catalog row. */
  orphanCounts: number
  /** References to a row that does not exist. */
  orphanLinks: number
  /** Rows that share title and date with another one, of the first 1,000 groups. */
  duplicates: number
}

/** The records of a catalog's snapshots; their ids are days of the tenant. */
export function snapshotsOf(tenant: string, domain: string, entityType: string): RecordsOf {
  return { tenant, kind: `quality:${domain}:${entityType}` }
}

/** Looks at one catalog. Reads every entity with a count. */
export async function takeSnapshot(
  of: SegmentOf, { mapping, rules }: QualitySubject, needs: OrphanNeeds & { clock: Clock }, signal?: AbortSignal,
): Promise<QualitySnapshot> {
  const { segments } = needs
  const completeness = await countMissing(of, Object.keys(rules.fields), [], segments)
  const twins = rules.twinDate ? await segments.listRepeated(of, TWIN_DIMENSION, [], MAX_TWINS) : []
  return {
    at: needs.clock.now().toISOString(), ...completeness,
    orphanCounts: await countOrphans(of, Object.keys(mapping.totals), needs, signal),
    orphanLinks: (await listOrphanLinks(of, mapping, needs)).length,
    duplicates: twins.reduce((sum, { documents }) => sum + documents, 0),
  }
}

/** Keeps today's snapshot of every catalog that has rows, for the trend. */
export async function scoreCatalogs(
  needs: OrphanNeeds & { accounts: AccountStore; records: RecordStore; clock: Clock }, { signal }: { signal?: AbortSignal } = {},
): Promise<{ catalogs: number }> {
  let catalogs = 0
  for (const tenant of await needs.accounts.listTenants()) {
    for (const domain of needs.packs.keys()) {
      for (const subject of listQualitySubjects(domain, needs.packs)) {
        signal?.throwIfAborted()
        if (await scoreCatalog(tenant, domain, subject, needs, signal)) catalogs++
      }
    }
  }
  return { catalogs }
}

async function scoreCatalog(
  tenant: Tenant, domain: string, subject: QualitySubject,
  needs: OrphanNeeds & { records: RecordStore; clock: Clock }, signal: AbortSignal | undefined,
): Promise<boolean> {
  const of = { tenant: tenant.id, domain, entityType: subject.entityType }
  if (await needs.segments.count(of, []) === 0) return false
  const body = await takeSnapshot(of, subject, needs, signal)
  const id = dayOf(new Date(body.at), tenant.zone)
  await needs.records.put(snapshotsOf(tenant.id, domain, subject.entityType), { id, owner: 'fleet', body }, new Date(body.at))
  return true
}
