import { actorOf, readSegmentMembers, type Caller, type SegmentMembers } from '@tallyfleet/features'
import type { ApiNeeds } from '../needs.ts'
import { mayShare } from './may-share.ts'

/** The members of the segment that a read is limited to; undefined when it is not. Rejects as `readSegmentMembers`. */
export async function segmentOf(
  caller: Caller, { domain, entityType, seg }: { domain: string; entityType: string | undefined; seg: string | undefined },
  needs: ApiNeeds,
): Promise<SegmentMembers | undefined> {
  if (seg === undefined) return undefined
  const user = { tenant: caller.tenant.id, actor: actorOf(caller), mayShare: mayShare(caller) }
  return await readSegmentMembers(user, seg, { domain, entityType }, needs)
}
