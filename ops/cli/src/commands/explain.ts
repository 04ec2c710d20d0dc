import { AppError } from '@tallyfleet/domain'
import { explainNumber, type Explanation } from '@tallyfleet/features'
import { openAll, packs, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

const SHOWN_BATCHES = 100

/** Why a number is what it is. Exit 3 when what made it does not add up to it. */
export async function explain(
  env: Environment, [domain, entityType, entityId, action]: [string, string, string, string],
  { tenant, bucket }: { tenant: string; bucket?: string },
): Promise<CommandResult> {
  await using stores = await openAll(env)
  const known = await stores.accounts.findTenant(tenant)
  if (!known) throw new AppError('TENANT_UNKNOWN', `no tenant ${JSON.stringify(tenant)}`)
  const found = await explainNumber({ tenant, domain, entityType, entityId, action, bucket }, { ...stores, packs })
  return { data: found, exit: found.addsUp ? EXIT.ok : EXIT.difference, text: tell(found) }
}

function tell(found: Explanation): string {
  const { shown, shard, bucket, contributions, repairs, unreadable, remaining, pending, catalog, segment, addsUp } = found
  const older = Math.max(0, contributions.length - SHOWN_BATCHES)
  const newest = contributions.slice(-SHOWN_BATCHES)
  const rows = newest.map(({ n, value, state, kind, jobId, createdAt, doneAt, checksum }) =>
    [n, value, `${kind}, ${state}`, jobId, createdAt.toISOString(), doneAt?.toISOString() ?? '', checksum.slice(0, 12)])
  const lines = [
    `${shown} (${bucket === 'all' ? 'everything' : bucket}), from ${contributions.length} batches of shard ${shard}`,
    table(['batch', 'added', 'state', 'job', 'made', 'done', 'checksum'], rows),
  ]
  if (older > 0) lines.push(`and ${older} older batches: see --json`)
  for (const { n, value, jobId, doneAt } of repairs) {
    lines.push(`batch ${n} repaired it by ${value}, ${doneAt?.toISOString() ?? 'not done yet'}, job ${jobId}`)
  }
  for (const { why, fromN, toN, batches, firstAt, lastAt } of unreadable) {
    lines.push(`batches ${fromN} to ${toN} (${batches}, ${firstAt.toISOString()} to ${lastAt.toISOString()}): ${why}`)
  }
  if (remaining !== 0) lines.push(`${remaining} from no batch that can be read`)
  if (pending.open) lines.push(`on its way: ${pending.open.value} in batch ${pending.open.n}`)
  if (pending.hot > 0) lines.push(`on its way: ${pending.hot} in the hot counter`)
  if (catalog) {
    const { opening, total, shown: inRow, version, behind } = catalog
    const late = behind ? ', behind' : ''
    lines.push(`catalog row: ${inRow} = opening ${opening} + counted ${total}, as of batch ${version}${late}`)
  }
  if (segment) {
    lines.push(`segment document: ${segment.shown}, version ${segment.version}${segment.behind ? ', behind' : ''}`)
  }
  return [...lines, `adds up: ${addsUp}`].join('\n')
}
