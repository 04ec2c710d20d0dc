/** What one minute of one tenant saw. `received` is the sum of the four. */
export type MinuteCounts = { counted: number; duplicate: number; rejected: number; quarantined: number }

/** The conservation ledger of one shard and tenant, read in one piece. All in events. */
export type ShardLedger = {
  shard: number
  tenant: string
  /** Events that ingest counted, ever. */
  counted: number
  /** Events in manifests that are done. */
  flushed: number
  /** Events in the open batch. */
  open: number
  /** Events in the hot counter. */
  hot: number
  /** Events whose delta can never be applied. */
  dead: number
}

/** counted − (flushed + open + hot + dead): 0 when balanced, positive when events went missing. */
export function gapOf(ledger: ShardLedger): number {
  return ledger.counted - (ledger.flushed + ledger.open + ledger.hot + ledger.dead)
}
