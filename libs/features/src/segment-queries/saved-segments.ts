import { randomUUIDv7 } from 'node:crypto'
import { AppError, type SegmentCondition } from '@tallyfleet/domain'
import type { RecordsOf, RecordStore, StoredRecord } from '@tallyfleet/ports'
import { resolveCondition } from './resolve-condition.ts'
import type { SegmentNeeds } from './measure-segment.ts'

export type SegmentDraft = {
  name: string
  description: string
  domain: string
  entityType: string
  /** personal: its owner alone sees it; shared: everybody of the tenant. */
  visibility: 'personal' | 'shared'
  definition: SegmentCondition
}

export type SavedSegment = SegmentDraft & { id: string; owner: string; createdAt: Date; updatedAt: Date }

/** Who asks. `mayShare`: may make shared segments and change those of others. */
export type SegmentUser = { tenant: string; actor: string; mayShare: boolean }

/** Segments that a tenant may keep. */
const MOST = 1_000

type Needs = SegmentNeeds & { records: RecordStore }

/** The segments that somebody may see: their own and the shared ones, by name. */
export async function listSegments(
  { tenant, actor }: SegmentUser,
  wanted: { domain?: string | undefined; entityType?: string | undefined; visibility?: SegmentDraft['visibility'] | undefined },
  { records }: { records: RecordStore },
): Promise<SavedSegment[]> {
  const all = (await records.list(kindOf(tenant), { limit: MOST })).map(segmentOf)
  return all.filter((segment) => (segment.visibility === 'shared' || segment.owner === actor)
    && (wanted.domain === undefined || segment.domain === wanted.domain)
    && (wanted.entityType === undefined || segment.entityType === wanted.entityType)
    && (wanted.visibility === undefined || segment.visibility === wanted.visibility))
    .sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1))
}

/** Rejects with `RECORD_UNKNOWN`, also for the personal segment of somebody else. */
export async function getSegment(
  { tenant, actor }: SegmentUser, id: string, { records }: { records: RecordStore },
): Promise<SavedSegment> {
  const record = await records.find(kindOf(tenant), id)
  const segment = record && segmentOf(record)
  if (!segment || (segment.visibility === 'personal' && segment.owner !== actor)) {
    throw new AppError('RECORD_UNKNOWN', `no segment ${JSON.stringify(id)}`)
  }
  return segment
}

/**
 * Keeps a segment: a new one, or in place of the one of this id, whose owner stays. Rejects with `FIELD_INVALID` for a
 * definition that the pack cannot answer, `ROLE_MISSING`, `RECORD_UNKNOWN`, `RECORD_EXISTS` when the tenant has 1,000.
 */
export async function putSegment(
  user: SegmentUser, draft: SegmentDraft, id: string | undefined, needs: Needs & { now: Date },
): Promise<SavedSegment> {
  const before = id === undefined ? undefined : await getChangeable(user, id, needs)
  if (draft.visibility === 'shared' && !user.mayShare) throw new AppError('ROLE_MISSING', 'a shared segment needs another role')
  await resolveCondition({ tenant: user.tenant, ...draft }, draft.definition, '/definition', needs)
  if (!before && await needs.records.count(kindOf(user.tenant)) >= MOST) {
    throw new AppError('RECORD_EXISTS', `the tenant keeps ${MOST} segments: delete one first`)
  }
  const key = before?.id ?? randomUUIDv7()
  const { name, description, domain, entityType, visibility, definition } = draft
  const body = { name, description, domain, entityType, visibility, definition }
  await needs.records.put(kindOf(user.tenant), { id: key, owner: before?.owner ?? user.actor, body }, needs.now)
  return segmentOf((await needs.records.find(kindOf(user.tenant), key))!)
}

/** Rejects with `RECORD_UNKNOWN`, `ROLE_MISSING`. */
export async function deleteSegment(user: SegmentUser, id: string, needs: { records: RecordStore }): Promise<SavedSegment> {
  const segment = await getChangeable(user, id, needs)
  await needs.records.delete(kindOf(user.tenant), id)
  return segment
}

async function getChangeable(user: SegmentUser, id: string, needs: { records: RecordStore }): Promise<SavedSegment> {
  const segment = await getSegment(user, id, needs)
  if (segment.owner !== user.actor && !user.mayShare) throw new AppError('ROLE_MISSING', 'the segment belongs to somebody else')
  return segment
}

function kindOf(tenant: string): RecordsOf {
  return { tenant, kind: 'segment' }
}

function segmentOf({ id, owner, body, createdAt, updatedAt }: StoredRecord): SavedSegment {
  return { ...body as SegmentDraft, id, owner, createdAt, updatedAt }
}
