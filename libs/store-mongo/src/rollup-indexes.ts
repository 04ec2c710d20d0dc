import { type Collection, type IndexDescription, MongoServerError } from 'mongodb'
import { countPathOf, type RollupRecord } from './rollup-record.ts'

/** MongoDB allows 64 indexes a collection; the rest is left to operators. */
export const MAX_TOP_INDEXES = 50
const MAX_INDEXES = 60
const TOP = 'top_'
const NAMESPACE_NOT_FOUND = 26
const INDEX_NOT_FOUND = 27

/**
 * The indexes that the reads of documents need. A top list needs one for its action; of more than
 * {@link MAX_TOP_INDEXES} actions the first ones have it, and the lists of the others read every document of their
 * entity type. An index on counts keeps no zero, and costs nothing for documents that never saw the action.
 */
export function rollupIndexes(actions: readonly string[]): (IndexDescription & { name: string })[] {
  const entity = { tenant: 1, domain: 1, entity_type: 1 } as const
  const tops = actions.slice(0, MAX_TOP_INDEXES).map((action) => ({
    name: TOP + action,
    key: { ...entity, interval: 1, bucket: 1, [countPathOf(action)]: -1, entity_id: 1 } as Record<string, 1 | -1>,
    partialFilterExpression: { of: 'entity', [countPathOf(action)]: { $gt: 0 } },
  }))
  return [
    { name: 'series', key: { ...entity, of: 1, entity_id: 1, interval: 1, bucket: 1 } },
    { name: 'shard', key: { shard: 1 } },
    {
      name: 'changed', key: { shard: 1, seq: 1, _id: 1 }, partialFilterExpression: { of: 'entity', interval: 'total' },
    },
    ...tops,
  ]
}

/** Creates what is missing. Any number of processes may do so at once. */
export async function ensureRollupIndexes(
  documents: Collection<RollupRecord>, actions: readonly string[],
): Promise<void> {
  const wanted = rollupIndexes(actions)
  const existing = await namesOf(documents)
  const missing = wanted.filter(({ name }) => !existing.includes(name))
  if (missing.length === 0) return
  // Packs come and go. The index of a dropped action stays for processes that still know it until its place is needed.
  if (existing.length + missing.length > MAX_INDEXES) {
    const names = new Set(wanted.map(({ name }) => name))
    const stale = existing.filter((name) => name.startsWith(TOP) && !names.has(name))
    await Promise.all(stale.map((name) => drop(documents, name)))
  }
  await documents.createIndexes(missing)
}

async function namesOf(documents: Collection<RollupRecord>): Promise<string[]> {
  try {
    return (await documents.listIndexes().toArray()).map(({ name }) => name as string)
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return []
    throw error
  }
}

async function drop(documents: Collection<RollupRecord>, name: string): Promise<void> {
  try {
    await documents.dropIndex(name)
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === INDEX_NOT_FOUND)) throw error
  }
}
