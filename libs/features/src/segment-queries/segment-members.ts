import { AppError } from '@tallyfleet/domain'
import type { RecordStore, TopAfter } from '@tallyfleet/ports'
import { readAction, type SegmentNeeds } from './measure-segment.ts'
import { resolveCondition } from './resolve-condition.ts'
import { getSegment, type SegmentUser } from './saved-segments.ts'

/** What a read may be limited to; a larger segment belongs into a warehouse. */
const MAX_MEMBERS = 100_000
const PAGE = 1_000

/** The entities of a saved segment, as of now. */
export type SegmentMembers = { id: string; entityType: string; members: ReadonlySet<string> }

/**
 * Reads who belongs to a saved segment, to limit another read to it. Rejects with `RECORD_UNKNOWN`, and with
 * `PARAMETER_INVALID` for a segment of another entity type or of more than 100,000 entities.
 * @param asked what the read is about; without a type that of the segment
 */
export async function readSegmentMembers(
  user: SegmentUser, id: string, asked: { domain: string; entityType: string | undefined },
  needs: SegmentNeeds & { records: RecordStore },
): Promise<SegmentMembers> {
  const { domain, entityType, definition } = await getSegment(user, id, needs)
  if (domain !== asked.domain || entityType !== (asked.entityType ?? entityType)) {
    throw segmentError(`is a segment of ${domain} ${entityType}`)
  }
  const of = { tenant: user.tenant, domain, entityType }
  const condition = await resolveCondition(of, definition, '/seg', needs)
  const action = readAction(of, undefined, needs.packs)
  const members = new Set<string>()
  for (let after: TopAfter | undefined; ;) {
    const page = await needs.segments.listTop(of, action, [condition], PAGE, after)
    for (const { entityId } of page) members.add(entityId)
    if (members.size > MAX_MEMBERS) throw segmentError(`holds more than ${MAX_MEMBERS} entities`)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return { id, entityType, members }
    after = { count: last.totals[action] ?? 0, entityId: last.entityId }
  }
}

function segmentError(detail: string): AppError {
  return new AppError('PARAMETER_INVALID', `seg ${detail}`, {
    details: { errors: [{ pointer: '/seg', code: 'PARAMETER_INVALID', detail }] },
  })
}
