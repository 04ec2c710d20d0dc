import { AppError } from '@tallyfleet/domain'
import {
  appendAudit, checkParity, getTenant, PARITY_STORES, rangeError, readInstant, readLedger, repairStores,
  type ParityDifference, type ParityRun,
} from '@tallyfleet/features'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openAll, packs, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

const SHOWN = 20
/** In the JSON of a plan; the counts are of all. */
const PLANNED = 1_000

export type ParityFlags = { store: string[]; from?: string; to?: string; repair?: boolean; dryRun?: boolean }

/** Compares the stores, and with `repair` puts right what can be. Exit 3 when they differ, afterwards. */
export async function parityCheck(env: Environment, { store, from, to, repair = false, dryRun = false }: ParityFlags): Promise<CommandResult> {
  const stores = store.map((name) => {
    const known = PARITY_STORES.find((one) => one === name)
    if (!known) throw new AppError('USAGE_INVALID', `--store must be one of ${PARITY_STORES.join(', ')}`)
    return known
  })
  if (dryRun && !repair) throw new AppError('USAGE_INVALID', '--dry-run says what --repair would do: give both')
  const range = { from: dayOf('--from', from), to: dayOf('--to', to) }
  if (range.from && range.to && range.from >= range.to) throw new AppError('USAGE_INVALID', '--to is not after --from: it is exclusive')
  const options = { ...(stores.length > 0 ? { stores } : {}), range }
  await using opened = await openAll(env)
  const needs = { ...opened, packs, clock: systemClock, log: silentLog }
  if (!repair) {
    const run = await checkParity(needs, options)
    return { data: run, exit: run.equal ? EXIT.ok : EXIT.difference, text: [...tell(run), ...tellDifferences(run.differences)].join('\n') }
  }
  const { plan, run, left } = await repairStores(needs, { ...options, dryRun, jobId: `cli-${process.pid}` })
  const counts = { planned: plan.length, repairable: plan.filter(({ repairable }) => repairable).length }
  if (!dryRun && counts.repairable > 0) {
    await appendAudit({ actor: 'cli', action: 'parity.repair', target: stores.join(',') || 'all', detail: { ...counts, equal: run.equal }, outcome: 'ok' }, needs)
  }
  return {
    data: { ...run, dryRun, ...counts, plan: plan.slice(0, PLANNED), left }, exit: run.equal ? EXIT.ok : EXIT.difference,
    text: [
      `${counts.planned} numbers differ, ${counts.repairable} can be put right${dryRun ? '; nothing was changed' : ''}`,
      ...tellPlan(plan), ...(dryRun ? [] : tell(run)),
      ...left.map((shard) => `shard ${shard} took no repair: it is stopped, has not counted in this Redis, or was busy; see fleet doctor`),
    ].join('\n'),
  }
}

function dayOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(Date.parse(text))) throw new AppError('USAGE_INVALID', `${option} must be a day, as 2026-11-21`)
  return text
}

function tell(run: ParityRun): string[] {
  const rows = Object.entries(run.stores).map(([name, { compared, differences }]) => [name, compared, differences])
  return [run.equal ? 'equal' : 'DIFFERENT', table(['store', 'compared', 'differences'], rows), `orphans: ${run.orphans.count}`]
}

function tellDifferences(differences: ParityDifference[]): string[] {
  return differences.slice(0, SHOWN).map(({ what, expected, actual }) => `${what}: ${expected}, ${actual}`)
}

/** Each number with what is shown and what is right; a missing segment document shows nothing. */
function tellPlan(plan: ParityDifference[]): string[] {
  if (plan.length === 0) return []
  const rows = plan.slice(0, SHOWN).map(({ store, shard, what, cell, expected, actual, repairable }) => [
    store, cell ? `${cell.interval === 'total' ? '' : `${cell.interval} `}${cell.bucket}` : '',
    cell ? `${cell.tenant} ${cell.domain} ${cell.entityType} ${cell.entityId ?? `sum of shard ${shard}`}` : store === 'ledger' ? `shard ${shard}` : what,
    cell ? `${cell.action}.${cell.measure}` : '', actual, expected, expected - actual, repairable ? '' : 'left alone',
  ])
  return [table(['store', 'bucket', 'entity', 'what', 'shown', 'right', 'delta', ''], rows),
    ...(plan.length > SHOWN ? [`… and ${plan.length - SHOWN} more: --json has them`] : [])]
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
    ...answer.gaps.map(({ shard, tenant: who, gap, firstMinute }) =>
      `shard ${shard}, tenant ${who}: ${gap} events, ${firstMinute ? `first seen when ${firstMinute} closed` : 'in no closed minute yet'}`)].join('\n'),
  }
}
