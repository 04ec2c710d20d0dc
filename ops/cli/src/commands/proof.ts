import { AppError } from '@tallyfleet/domain'
import { checkParity, getTenant, PARITY_STORES, rangeError, readInstant, readLedger } from '@tallyfleet/features'
import { systemClock } from '@tallyfleet/ports'
import { openAll, packs, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

/** Compares the stores. Exit 3 when they differ. */
export async function parityCheck(env: Environment, { store }: { store: string[] }): Promise<CommandResult> {
  const chosen = store.map((name) => {
    const known = PARITY_STORES.find((one) => one === name)
    if (!known) throw new AppError('USAGE_INVALID', `--store must be one of ${PARITY_STORES.join(', ')}`)
    return known
  })
  await using stores = await openAll(env)
  const run = await checkParity({ ...stores, packs, clock: systemClock }, chosen.length > 0 ? { stores: chosen } : {})
  const rows = Object.entries(run.stores).map(([name, { compared, differences }]) => [name, compared, differences])
  return {
    data: run, exit: run.equal ? EXIT.ok : EXIT.difference,
    text: [run.equal ? 'equal' : 'DIFFERENT', table(['store', 'compared', 'differences'], rows),
      ...run.differences.slice(0, 20).map(({ what, expected, actual }) => `${what}: ${expected}, ${actual}`),
      `orphans: ${run.orphans.count}`].join('\n'),
  }
}

/** The conservation ledger. Exit 3 when it does not balance. */
export async function ledger(env: Environment, { from, to, tenant }: { from?: string; to?: string; tenant?: string }): Promise<CommandResult> {
  await using stores = await openAll(env)
  // Days are the tenant's; those of all tenants together are UTC.
  const zone = tenant === undefined ? 'UTC' : (await getTenant(tenant, { ...stores, clock: systemClock })).zone
  const range = {
    tenant, from: from === undefined ? undefined : readInstant('/from', from, zone),
    to: to === undefined ? undefined : readInstant('/to', to, zone),
  }
  if (range.from && range.to && range.from >= range.to) throw rangeError('/to', 'is not after `from`: `to` is exclusive')
  const answer = await readLedger(range, stores)
  return {
    data: answer, exit: answer.balanced ? EXIT.ok : EXIT.difference,
    text: [table(['received', 'counted', 'duplicates', 'rejected', 'quarantined', 'pending'],
      [[answer.received, answer.counted, answer.duplicates, answer.rejected, answer.quarantined, answer.pending]]),
    answer.balanced ? 'balanced' : 'NOT BALANCED',
    ...answer.gaps.map(({ shard, tenant: who, gap }) => `shard ${shard}, tenant ${who}: ${gap} events`)].join('\n'),
  }
}
