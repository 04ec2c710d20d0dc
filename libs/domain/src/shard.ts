import { hash } from 'node:crypto'

/** How many shards there are, for ever: a document's shard must never change. */
export const SHARD_COUNT = 256

export const ALL_SHARDS: readonly number[] = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

/** Joins the parts of a key. No part may hold it: ids refuse control characters. */
export const SEPARATOR = '\u001f'

/** What is counted: one entity of one tenant. */
export type EntityKey = { tenant: string; domain: string; entityType: string; entityId: string }

/** The shard of an entity: the first byte of SHA-256 over its key. One function, used by everyone. */
export function shardOf(key: EntityKey): number {
  return hash('sha256', [key.tenant, key.domain, key.entityType, key.entityId].join(SEPARATOR), 'buffer')[0]!
}
