import { gapOf, type MinuteCounts } from '@tallyfleet/domain'
import type { HotStore, Journal, RollupStore } from '@tallyfleet/ports'
import { gapId, listShardLedgers } from './read-ledger.ts'
import { minuteId, minuteName } from './visit-minutes.ts'

export type LedgerGap = { shard: number; tenant: string; gap: number; firstMinute: string }

/**
 * Closes every minute that Redis's own clock has passed: its counts move from Redis into the journal, once, and the
 * cumulative ledger of each shard is balanced. A gap is written down with the first minute that was closed with it.
 */
export async function closeLedger(
  { hot, rollups, journal }: { hot: HotStore; rollups: RollupStore; journal: Journal },
): Promise<{ closed: number; gaps: LedgerGap[] }> {
  const before = await hot.currentMinute()
  const rows = await hot.listMinutes(before)
  if (rows) {
    for (const { tenant, minute, counts } of rows) {
      // The minute is past for every shard, so the sum is final: whoever writes it first wrote the same.
      await journal.claim('minute', minuteId(tenant, minute), counts satisfies MinuteCounts)
    }
    await hot.deleteMinutes(before)
  }
  const minute = minuteName(before - 1)
  const gaps: LedgerGap[] = []
  for (const ledger of await listShardLedgers({ hot, rollups, journal })) {
    const id = gapId(ledger)
    const known = await journal.find('gap', id) as LedgerGap | null | undefined
    const gap = gapOf(ledger)
    if (gap !== 0) {
      const entry = { shard: ledger.shard, tenant: ledger.tenant, gap, firstMinute: known?.firstMinute ?? minute }
      if (JSON.stringify(known) !== JSON.stringify(entry)) await journal.put('gap', id, entry)
      gaps.push(entry)
    } else if (known) {
      await journal.put('gap', id, null)
    }
  }
  return { closed: rows?.length ?? 0, gaps }
}
