import { createHash } from 'node:crypto'
import { AppError, entityIdFault, type Packs } from '@tallyfleet/domain'
import type { AccountStore, Clock, RecordsOf, RecordStore, SegmentOf } from '@tallyfleet/ports'
import { appendAudit } from '../accounts/audit.ts'
import { getQualitySubject } from './quality-subject.ts'

/** What is wrong with what. `column` is the one that refers to nothing. */
export type IssueRef = { domain: string; entityType: string; kind: string; entityId: string; column?: string | undefined }

export type WontFix = { reason: string; by: string; at: Date }

export const OTHER_KINDS = ['orphan-count', 'orphan-link', 'duplicate'] as const
const MISSING = 'missing-'
const PAGE = 1_000

/** An id that stays while the fault does: it spells what it is about. */
export function issueIdOf({ domain, entityType, kind, entityId, column }: IssueRef): string {
  return Buffer.from(JSON.stringify([domain, entityType, kind, entityId, ...(column === undefined ? [] : [column])])).toString('base64url')
}

/** The inverse of {@link issueIdOf}. Throws `RECORD_UNKNOWN` for an id that no list hands out. */
export function readIssueId(id: string, packs: Packs): IssueRef {
  try {
    const parts = JSON.parse(Buffer.from(id, 'base64url').toString()) as unknown
    if (Array.isArray(parts) && parts.every((part) => typeof part === 'string') && parts.length >= 4 && parts.length <= 5) {
      const [domain, entityType, kind, entityId, column] = parts as [string, string, string, string, string?]
      const ref = { domain, entityType, kind, entityId, column }
      checkKind(domain, entityType, kind, packs)
      if (issueIdOf(ref) === id && entityIdFault(entityId) === undefined && (column !== undefined) === (kind === 'orphan-link')) return ref
    }
  } catch {
    // whatever it is, it is no id of ours
  }
  throw new AppError('RECORD_UNKNOWN', 'no issue of this id')
}

/** The field that `missing-<field>` names, or undefined for the other kinds. Throws `PARAMETER_INVALID` for no kind. */
export function checkKind(domain: string, entityType: string | undefined, kind: string, packs: Packs): string | undefined {
  const fields = Object.keys(getQualitySubject(domain, entityType, packs).rules.fields)
  if (kind.startsWith(MISSING) && fields.includes(kind.slice(MISSING.length))) return kind.slice(MISSING.length)
  if ((OTHER_KINDS as readonly string[]).includes(kind)) return undefined
  const detail = `is none of ${[...fields.map((field) => MISSING + field), ...OTHER_KINDS].join(', ')}`
  throw new AppError('PARAMETER_INVALID', `kind ${detail}`, {
    details: { errors: [{ pointer: '/kind', code: 'PARAMETER_INVALID', detail }] },
  })
}

/** Decisions of one kind, by the key of {@link decisionKeyOf}. */
export function decisionsOf({ tenant, domain, entityType }: SegmentOf, kind: string): RecordsOf {
  return { tenant, kind: `wont-fix:${domain}:${entityType}:${kind}` }
}

/** Fits a record's id, however long the entity's. */
export function decisionKeyOf({ entityId, column = '' }: { entityId: string; column?: string | undefined }): string {
  return createHash('sha256').update(JSON.stringify([entityId, column])).digest('base64url')
}

export async function listDecisions(of: SegmentOf, kind: string, records: RecordStore): Promise<Map<string, WontFix & IssueRef>> {
  const found = new Map<string, WontFix & IssueRef>()
  for (let after: string | undefined; ;) {
    const page = await records.list(decisionsOf(of, kind), { after, limit: PAGE })
    for (const { id, owner, body, updatedAt } of page) found.set(id, { ...body as IssueRef & { reason: string }, by: owner, at: updatedAt })
    if (page.length < PAGE) return found
    after = page.at(-1)!.id
  }
}

/** How many issues of a catalog nobody means to fix. */
export async function countWontFix(of: SegmentOf, fields: readonly string[], records: RecordStore): Promise<number> {
  const kinds = [...fields.map((field) => MISSING + field), ...OTHER_KINDS]
  const counts = await Promise.all(kinds.map((kind) => records.count(decisionsOf(of, kind))))
  return counts.reduce((sum, count) => sum + count, 0)
}

type Needs = { records: RecordStore; accounts: AccountStore; packs: Packs; clock: Clock }

/** Takes an issue off the list, with the reason, audited. Again: the newer reason stands. Rejects with `RECORD_UNKNOWN`. */
export async function markWontFix(
  tenant: string, id: string, reason: string, actor: string, needs: Needs,
): Promise<IssueRef & { wontFix: WontFix }> {
  const ref = readIssueId(id, needs.packs)
  const at = needs.clock.now()
  await needs.records.put(decisionsOf({ tenant, ...ref }, ref.kind), { id: decisionKeyOf(ref), owner: actor, body: { ...ref, reason } }, at)
  await appendAudit({ actor, action: 'markWontFix', target: targetOf(tenant, ref), detail: { reason }, outcome: 'ok' }, needs)
  return { ...ref, wontFix: { reason, by: actor, at } }
}

/** Puts an issue back on the list, audited. Rejects with `RECORD_UNKNOWN` when it was on it. */
export async function undoWontFix(tenant: string, id: string, actor: string, needs: Needs): Promise<IssueRef> {
  const ref = readIssueId(id, needs.packs)
  if (!await needs.records.delete(decisionsOf({ tenant, ...ref }, ref.kind), decisionKeyOf(ref))) {
    throw new AppError('RECORD_UNKNOWN', 'nobody said that this issue will not be fixed')
  }
  await appendAudit({ actor, action: 'undoWontFix', target: targetOf(tenant, ref), detail: {}, outcome: 'ok' }, needs)
  return ref
}

/** At most 1,024 characters, which an audit entry's target takes. */
function targetOf(tenant: string, { domain, entityType, kind, entityId, column }: IssueRef): string {
  return [tenant, domain, entityType, kind, ...(column ? [column] : []), entityId].join('/').slice(0, 1_000)
}
