import type { Redis } from 'ioredis'
import { field } from './info-field.ts'

/**
 * Has a server write its append-only file anew, once after each of its starts. A power loss may tear the file in the
 * middle of a transaction, as each of our scripts is one: Redis 7.0 then cuts it before the torn command, and keeps the
 * head of the transaction in it (loadSingleAppendOnlyFile in its aof.c). Nothing of that is applied then, but the next
 * start would: half of a script. A server that does not say how often it did it, or may not do it, stays as it is.
 */
export async function renewLog(master: Redis): Promise<void> {
  const info = await master.info('persistence')
  if (field(info, 'aof_enabled') !== '1') return
  const rewrites = field(info, 'aof_rewrites')
  const failed = field(info, 'aof_last_bgrewrite_status') === 'err'
  const underWay = field(info, 'aof_rewrite_in_progress') === '1' || field(info, 'aof_rewrite_scheduled') === '1'
  if (rewrites === undefined || (rewrites !== '0' && !failed) || underWay) return
  await master.bgrewriteaof().catch(() => {})
}
