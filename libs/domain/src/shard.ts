import { hash } from 'node:crypto'

/** How many shards there are, for ever: a document's shard must never change. */
export const SHARD_COUNT = 256

export const ALL_SHARDS: readonly number[] = Array.from({ length: SHARD_COUNT }, (_, shard) => shard)

/** Joins the parts of a key. No part may hold it: ids refuse control characters. */
export const SEPARATOR = '\u001f'

/** What is counted: one entity of one tenant. */
export type EntityKey = { tenant: string; domain: string; entityType: string; entityId: string }

/** The parts of a key in one text. */
export function entityText({ tenant, domain, entityType, entityId }: EntityKey): string {
  return `${tenant}${SEPARATOR}${domain}${SEPARATOR}${entityType}${SEPARATOR}${entityId}`
}

const MOST_KNOWN = 20_000
const known = new Map<string, number>()

/**
 * The shard of an entity: the first byte of SHA-256 over its key. One function, used by everyone. Remembers the
 * answers of late: events come in crowds to a few entities.
 */
export function shardOf(key: EntityKey): number {
  const text = entityText(key)
  let shard = known.get(text)
  if (shard === undefined) {
    shard = hash('sha256', text, 'binary').charCodeAt(0)
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(text, shard)
  }
  return shard
}
