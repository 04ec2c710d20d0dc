import type { SegmentCondition } from '@tallyfleet/domain'
import type { SegmentEntry, SegmentOf } from '@tallyfleet/ports'
import { readCursor, writeCursor } from '../explore/cursor.ts'
import { readAction, type SegmentNeeds } from './measure-segment.ts'
import { resolveCondition } from './resolve-condition.ts'

/**
 * The entities of a segment by their total of an action, highest first, then by id in UTF-8 byte order.
 * Rejects with `CURSOR_INVALID`, `ACTION_UNKNOWN`, or `FIELD_INVALID` for what the pack has not.
 */
export async function listMembers(
  of: SegmentOf,
  { definition, action: asked, limit, cursor }:
    { definition: SegmentCondition; action?: string | undefined; limit: number; cursor?: string | undefined },
  needs: SegmentNeeds & { secret: string },
): Promise<{ members: (SegmentEntry & { count: number })[]; nextCursor: string | undefined }> {
  const action = readAction(of, asked, needs.packs)
  const list = ['members', of.tenant, of.domain, of.entityType, action, definition]
  const after = cursor === undefined ? undefined : readCursor(cursor, list, needs.secret)
  const condition = await resolveCondition(of, definition, '/definition', needs)
  const found = await needs.segments.listTop(of, action, [condition], limit, after)
  const members = found.map((entry) => ({ ...entry, count: entry.totals[action] ?? 0 }))
  const last = members.at(-1)
  return {
    members,
    nextCursor: last && members.length === limit
      ? writeCursor({ count: last.count, entityId: last.entityId }, list, needs.secret) : undefined,
  }
}
