import { ALL_SHARDS, catalogsOf, COUNT, SEPARATOR, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, RollupDocument, RollupStore, SegmentStore } from '@tallyfleet/ports'

const PAGE = 500

/** One number of one tenant as each store tells it, summed over all entities. */
export type EvidenceTotal = {
  tenant: string
  domain: string
  entityType: string
  action: string
  measure: string
  /** Σ of the entities' totals in the rollups. */
  rollups: number
  /** Σ of the entities' days in the rollups. */
  days: number
  /** Where the catalog has a column for it: shown − opening + withoutRow = rollups. */
  catalog?: { shown: number; opening: number; /** Σ of entities that have no row. */ withoutRow: number }
  /** Where the catalog has a column for it: what the segment documents show. */
  segments?: number
  /** Whether all of the above agree. What is on its way between the stores counts as different. */
  agrees: boolean
}

type Needs = { rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; packs: Packs }
type Type = { tenant: string; domain: string; entityType: string }

/** The totals of every store, by tenant, domain, entity type, action and measure, sorted. Reads every document. */
export async function countTotals(needs: Needs, signal?: AbortSignal): Promise<EvidenceTotal[]> {
  const totals = new Totals()
  await countRollups(totals, needs, signal)
  for (const { domain, entityType, mapping } of catalogsOf(needs.packs)) {
    for (const tenant of await needs.catalog.listTenants(domain, entityType)) {
      signal?.throwIfAborted()
      await countCatalog({ tenant, domain, entityType }, Object.keys(mapping.totals), totals, needs)
    }
  }
  return totals.rows()
}

class Totals {
  readonly #rows = new Map<string, EvidenceTotal>()

  of({ tenant, domain, entityType }: Type, action: string, measure: string = COUNT): EvidenceTotal {
    const key = [tenant, domain, entityType, action, measure].join(SEPARATOR)
    let row = this.#rows.get(key)
    if (!row) {
      row = { tenant, domain, entityType, action, measure, rollups: 0, days: 0, agrees: false }
      this.#rows.set(key, row)
    }
    return row
  }

  rows(): EvidenceTotal[] {
    for (const row of this.#rows.values()) {
      const { rollups, days, catalog, segments } = row
      row.agrees = rollups === days && (!catalog
        || (catalog.shown - catalog.opening + catalog.withoutRow === rollups && segments === catalog.shown))
    }
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  }
}

async function countRollups(totals: Totals, { rollups, catalog, packs }: Needs, signal?: AbortSignal): Promise<void> {
  const columns = new Map(catalogsOf(packs).map(({ domain, entityType, mapping }) =>
    [`${domain} ${entityType}`, Object.keys(mapping.totals)]))
  let page: RollupDocument[] = []
  const countWithoutRow = async () => {
    const groups = Map.groupBy(page, ({ tenant, domain, entityType }) => [tenant, domain, entityType].join(SEPARATOR))
    page = []
    for (const documents of groups.values()) {
      const { tenant, domain, entityType } = documents[0]!
      const ids = documents.map(({ entityId }) => entityId!)
      const known = new Set((await catalog.listRows({ tenant, domain, entityType }, ids)).map(({ id }) => id))
      for (const { entityId, counts } of documents) {
        for (const action of columns.get(`${domain} ${entityType}`)!) {
          const row = totals.of({ tenant, domain, entityType }, action)
          row.catalog ??= { shown: 0, opening: 0, withoutRow: 0 }
          row.segments ??= 0
          if (!known.has(entityId!)) row.catalog.withoutRow += counts[action]?.[COUNT] ?? 0
        }
      }
    }
  }
  for (const shard of ALL_SHARDS) {
    signal?.throwIfAborted()
    for await (const document of rollups.scan(shard)) {
      const { of, interval, counts, domain, entityType } = document
      if (of !== 'entity' || (interval !== 'total' && interval !== 'day')) continue
      for (const [action, measures] of Object.entries(counts)) {
        for (const [measure, value] of Object.entries(measures)) {
          totals.of(document, action, measure)[interval === 'total' ? 'rollups' : 'days'] += value
        }
      }
      if (interval === 'total' && columns.has(`${domain} ${entityType}`)) page.push(document)
      if (page.length === PAGE) await countWithoutRow()
    }
  }
  await countWithoutRow()
}

async function countCatalog(
  of: Type, actions: readonly string[], totals: Totals, { catalog, segments }: Needs,
): Promise<void> {
  const rowOf = (action: string) => {
    const row = totals.of(of, action)
    row.catalog ??= { shown: 0, opening: 0, withoutRow: 0 }
    row.segments ??= 0
    return row as EvidenceTotal & { catalog: NonNullable<EvidenceTotal['catalog']>; segments: number }
  }
  for (let after: string | undefined; ;) {
    const rows = await catalog.scanRows(of, after, PAGE)
    if (rows.length === 0) break
    after = rows.at(-1)!.id
    for (const row of rows) {
      for (const action of actions) {
        rowOf(action).catalog.shown += row.totals[action] ?? 0
        rowOf(action).catalog.opening += row.opening[action] ?? 0
      }
    }
  }
  for (let after: string | undefined; ;) {
    const documents = await segments.scanDocuments(of, after, PAGE)
    if (documents.length === 0) break
    after = documents.at(-1)!.entityId
    for (const document of documents) {
      for (const action of actions) rowOf(action).segments += document.totals[action] ?? 0
    }
  }
}
