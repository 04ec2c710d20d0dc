import { AppError, COUNT, intervalOf, shardOf, TOTAL_BUCKET, type Packs } from '@tallyfleet/domain'
import type { CatalogRow, CatalogStore, HotStore, RollupStore, SegmentDocument, SegmentStore } from '@tallyfleet/ports'
import { checkSubject, readEntityId } from '../explore/subject.ts'
import { entityBefore } from './entity-before.ts'
import {
  bucketsIn, listContributions, sumOf, type Contribution, type Repair, type Subject, type Unreadable,
} from './list-contributions.ts'

export type ExplainNeeds = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; packs: Packs
}

export type Explanation = Subject & {
  shard: number
  /** The number that the rollups show. */
  shown: number
  /** The last batch that reached the entity's total; null before the first. */
  seq: number | null
  /** What each batch added, oldest first. */
  contributions: Contribution[]
  /** Repairs that brought the number back to that, oldest first. */
  repairs: Repair[]
  /** Batches whose deltas are gone or were not asked for. */
  unreadable: Unreadable[]
  /** shown − Σ contributions: what the unreadable batches must have added. */
  remaining: number
  /** Counted, and not yet shown: in the frozen batch and in the hot counter. */
  pending: { open: { n: number; frozenAt: Date; value: number } | null; hot: number }
  /** The catalog row, where the total has a column: opening + total = shown. */
  catalog: {
    opening: number; total: number; shown: number; version: number; revision: number
    /** The row is older than the rollups: the next sync brings the rest. */
    behind: boolean
    addsUp: boolean
  } | null
  /** The segment document of that row. */
  segment: { shown: number; version: number; behind: boolean; addsUp: boolean } | null
  /** Whether the rollups, the row and the document are each exactly what their source says. */
  addsUp: boolean
}

const TRIES = 5

/**
 * From a number to what made it: the batches with their jobs and times, what is still on its way, the catalog row and
 * the segment document. While a flush is under way it reads again until the number stands still.
 * @param bucket a day, hour, ISO week, month or year as its key; undefined: everything
 * @param maxBatches how many of the shard's newest batches are read; undefined: all of them
 * Rejects with `ENTITY_UNKNOWN` when nothing was ever counted and there is no row.
 */
export async function explainNumber(
  { tenant, domain, entityType, entityId: text, action, bucket = TOTAL_BUCKET }:
  { tenant: string; domain: string; entityType: string; entityId: string; action: string; bucket?: string | undefined },
  needs: ExplainNeeds, { maxBatches = Infinity, signal }: { maxBatches?: number; signal?: AbortSignal } = {},
): Promise<Explanation> {
  checkSubject({ domain, entityType, action }, needs.packs)
  const interval = intervalOf(bucket)
  const subject: Subject = { tenant, domain, entityType, entityId: readEntityId(text), action, interval, bucket }
  const shard = shardOf(subject)
  for (let tries = 1; ; tries++) {
    const before = await readShown(subject, needs)
    const latest = (await needs.rollups.listLatestManifests()).find((manifest) => manifest.shard === shard)?.n ?? 0
    const read = await listContributions(subject, shard, latest, needs, { maxBatches, ...(signal ? { signal } : {}) })
    const waiting = await readPending(subject, shard, needs)
    const projections = await readProjections(subject, needs)
    const after = await readShown(subject, needs)
    if (tries < TRIES && (before.shown !== after.shown || before.seq !== after.seq)) continue

    const { shown, seq } = after
    const isWaiting = waiting.hot > 0 || (waiting.open?.value ?? 0) > 0
    if (seq === undefined && read.contributions.length === 0 && !isWaiting && !projections.row) {
      throw new AppError('ENTITY_UNKNOWN', `nothing of ${entityType} ${JSON.stringify(subject.entityId)} was counted`)
    }
    const { contributions, remaining, addsUp } = settle(shown, seq ?? 0, read)
    const isShown = contributions.some(({ n }) => n === waiting.open?.n)
    const pending = isShown ? { ...waiting, open: null } : waiting
    const catalog = explainRow(projections.row, subject, after.total, seq ?? 0, contributions)
    const segment = catalog && explainDocument(projections.document, projections.row!, action)
    return {
      ...subject, shard, shown, seq: seq ?? null, contributions, repairs: read.repairs, unreadable: read.unreadable,
      remaining, pending,
      catalog, segment, addsUp: addsUp && (catalog?.addsUp ?? true) && (segment?.addsUp ?? true),
    }
  }
}

async function readShown(
  subject: Subject, { rollups }: ExplainNeeds,
): Promise<{ shown: number; total: number; seq: number | undefined }> {
  const { entityId, action, interval, bucket } = subject
  const [totals] = await rollups.listTotals(subject, [entityId])
  const total = totals?.counts[action]?.[COUNT] ?? 0
  if (interval === 'total') return { shown: total, total, seq: totals?.seq }
  const [found] = await rollups.listSeries(subject, entityId, action, interval, bucket, `${bucket}~`)
  return { shown: found?.bucket === bucket ? found.count : 0, total, seq: totals?.seq }
}

/** What is counted and may not be shown yet. A freeze between the two reads would show in both: then again. */
async function readPending(subject: Subject, shard: number, { hot }: ExplainNeeds): Promise<Explanation['pending']> {
  for (let tries = 1; ; tries++) {
    const open = (await hot.listShards())[shard]?.open
    const frozen = open ? sumOf(bucketsIn(await hot.findBatch(open) ?? [], subject)) : 0
    const inHot = sumOf(bucketsIn(await hot.listHot(subject), subject))
    const still = (await hot.listShards())[shard]?.open
    if (tries < TRIES && still?.name !== open?.name) continue
    return { open: open ? { n: open.n, frozenAt: open.frozenAt, value: frozen } : null, hot: inHot }
  }
}

async function readProjections(
  subject: Subject, { catalog, segments, packs }: ExplainNeeds,
): Promise<{ row?: CatalogRow | undefined; document?: SegmentDocument | undefined }> {
  const { domain, entityType, entityId, action, interval } = subject
  const mapping = packs.get(domain)!.entityTypes[entityType]!.catalog
  if (interval !== 'total' || !mapping || !Object.hasOwn(mapping.totals, action)) return {}
  const [row] = await catalog.listRows(subject, [entityId])
  const [document] = await segments.scanDocuments(subject, entityBefore(entityId), 1)
  return { row, document: document?.entityId === entityId ? document : undefined }
}

/**
 * Contributions against the number. The one batch that is not done may be in the number or not: its documents are
 * written one after another.
 */
function settle(
  shown: number, seq: number,
  { contributions, unreadable }: { contributions: Contribution[]; unreadable: Unreadable[] },
): Pick<Explanation, 'contributions' | 'remaining' | 'addsUp'> {
  const done = contributions.filter(({ state }) => state === 'done')
  const isReached = unreadable.length === 0 ? shown !== sumOf(done) : seq >= (contributions.at(-1)?.n ?? 0)
  const counted = isReached ? contributions : done
  const remaining = shown - sumOf(counted)
  const most = unreadable.reduce((sum, { events }) => sum + events, 0)
  return { contributions: counted, remaining, addsUp: remaining >= 0 && remaining <= most }
}

/** A row that is a few batches behind shows what the rollups showed then: those after its version are taken off. */
function explainRow(
  row: CatalogRow | undefined, { action }: Subject, total: number, seq: number, contributions: Contribution[],
): Explanation['catalog'] {
  if (!row) return null
  const { version, revision } = row
  const opening = row.opening[action] ?? 0
  const shown = row.totals[action] ?? 0
  const then = total - sumOf(contributions.filter(({ n }) => n > version))
  const addsUp = shown === opening + then || (version === 0 && opening === 0) // not bound yet: the number is its own
  return { opening, total: then, shown, version, revision, behind: version < seq, addsUp }
}

function explainDocument(
  document: SegmentDocument | undefined, row: CatalogRow, action: string,
): Explanation['segment'] {
  if (!document) return null
  const shown = document.totals[action] ?? 0
  const behind = document.version < row.revision
  return { shown, version: document.version, behind, addsUp: behind || shown === (row.totals[action] ?? 0) }
}
