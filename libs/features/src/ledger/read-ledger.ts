import { gapOf, type ShardLedger } from '@tallyfleet/domain'
import { epochId, type Floor, type HotStore, type Journal, type RollupStore } from '@tallyfleet/ports'
import { addOutcomes, noOutcomes, visitMinutes } from './visit-minutes.ts'

type Needs = { hot: HotStore; rollups: RollupStore; journal: Journal }

export type LedgerAnswer = {
  /** All events of parsed bodies of a known tenant. */
  received: number
  counted: number
  duplicates: number
  rejected: number
  quarantined: number
  /** Counted, not yet in rollups. */
  pending: number
  balanced: boolean
  /** `firstMinute`: the first minute that closed with the gap; null before one has. */
  gaps: { shard: number; tenant: string; gap: number; firstMinute: string | null }[]
}

/**
 * The conservation ledger. Without a range: everything so far, and whether counted = flushed + open + hot + dead on
 * every shard. With one: the sums of its closed minutes; the balance is always that of now.
 * @param range tenant undefined = all tenants; `from` inclusive, `to` exclusive, whole minutes
 */
export async function readLedger(range: { tenant?: string; from?: Date; to?: Date }, needs: Needs): Promise<LedgerAnswer> {
  const ledgers = (await listShardLedgers(needs)).filter(({ tenant }) => range.tenant === undefined || tenant === range.tenant)
  const gaps: LedgerAnswer['gaps'] = []
  for (const ledger of ledgers) {
    const { shard, tenant } = ledger
    const gap = gapOf(ledger)
    if (gap === 0) continue
    const known = await needs.journal.find('gap', gapId(ledger)) as { firstMinute: string } | null | undefined
    gaps.push({ shard, tenant, gap, firstMinute: known?.firstMinute ?? null })
  }
  const sums = noOutcomes()
  await visitMinutes(range, needs, (_minute, counts) => addOutcomes(sums, counts))
  const whole = range.from === undefined && range.to === undefined
  const counted = whole ? ledgers.reduce((sum, ledger) => sum + ledger.counted, 0) : sums.counted
  return {
    received: counted + sums.duplicate + sums.rejected + sums.quarantined,
    counted, duplicates: sums.duplicate, rejected: sums.rejected, quarantined: sums.quarantined,
    pending: ledgers.reduce((sum, ledger) => sum + ledger.open + ledger.hot, 0),
    balanced: gaps.length === 0, gaps,
  }
}

/** The journal's id of a gap, while there is one. */
export function gapId({ shard, tenant }: { shard: number; tenant: string }): string {
  return `${String(shard).padStart(3, '0')}|${tenant}`
}

/**
 * counted, flushed, open, hot and dead of every shard and tenant. A flush may finish a batch between the two reads, so
 * a row that does not balance is read again until it is quiet: a real gap stays.
 */
export async function listShardLedgers(needs: Needs): Promise<ShardLedger[]> {
  for (let tries = 0; ; tries++) {
    const before = await readOnce(needs)
    if (tries === 5 || before.every((ledger) => gapOf(ledger) === 0)) return before
    const after = await readOnce(needs)
    if (JSON.stringify(before) === JSON.stringify(after)) return after
  }
}

async function readOnce({ hot, rollups, journal }: Needs): Promise<ShardLedger[]> {
  const rows = new Map<string, ShardLedger>()
  const row = (shard: number, tenant: string) => {
    const key = `${shard}|${tenant}`
    let found = rows.get(key)
    if (!found) rows.set(key, (found = { shard, tenant, counted: 0, flushed: 0, open: 0, hot: 0, dead: 0 }))
    return found
  }
  const ledgers = await hot.listLedger()
  const numbered = new Map<number, { done: number | undefined; epoch: string | undefined }>()
  for (const { shard, tenant, counted, open, hot: inHot, done, epoch } of ledgers) {
    Object.assign(row(shard, tenant), { counted, open, hot: inHot })
    numbered.set(shard, { done, epoch })
  }
  for (const { shard, tenant, events } of await rollups.listDead()) row(shard, tenant).dead = events
  for (const latest of await rollups.listLatestManifests()) {
    const { done, epoch } = numbered.get(latest.shard) ?? { done: undefined, epoch: undefined }
    const flushed = done === undefined || done === latest.n ? latest : await rollups.findManifest(latest.shard, done)
    for (const [tenant, events] of Object.entries(flushed?.running ?? {})) row(latest.shard, tenant).flushed = events
    if (done !== undefined) continue
    // Redis has no number: what was flushed before this life counts as counted, as its first freeze will note.
    const floor = epoch === undefined ? undefined : await journal.find('epoch', epochId(latest.shard, epoch)) as Floor | undefined
    for (const [tenant, events] of Object.entries(floor?.flushed ?? latest.running)) row(latest.shard, tenant).counted += events
  }
  return [...rows.values()].sort((a, b) => a.shard - b.shard || (a.tenant < b.tenant ? -1 : 1))
}
