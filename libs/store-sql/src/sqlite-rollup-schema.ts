import { AppError } from '@tallyfleet/domain'
import type { SqliteSchema } from './sqlite-connection.ts'

/**
 * Tables of the rollup store. `documents_series` finds one entity's buckets, `documents_changed` what a projection has
 * not seen, `documents_shard` a shard's documents in the order of `row`.
 */
const STEPS: readonly string[] = [`
  CREATE TABLE documents (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    of TEXT NOT NULL CHECK (of IN ('entity', 'shard')),
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT,
    interval TEXT NOT NULL,
    bucket TEXT NOT NULL,
    shard INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    counts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX documents_series ON documents (tenant, domain, entity_type, of, entity_id, interval, bucket);
  CREATE INDEX documents_changed ON documents (shard, seq, id) WHERE interval = 'total' AND of = 'entity';
  CREATE INDEX documents_shard ON documents (shard);

  CREATE TABLE manifests (
    shard INTEGER NOT NULL,
    n INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    events TEXT NOT NULL,
    running TEXT NOT NULL,
    delta_count INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done')),
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    job_id TEXT NOT NULL,
    blanked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, n)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifests_blankable ON manifests (created_at) WHERE state = 'done' AND blanked = 0;
  CREATE TABLE manifest_parts (
    shard INTEGER NOT NULL,
    n INTEGER NOT NULL,
    part INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (shard, n, part),
    FOREIGN KEY (shard, n) REFERENCES manifests (shard, n)
  ) STRICT;
  CREATE TABLE dead_deltas (
    shard INTEGER NOT NULL,
    n INTEGER NOT NULL,
    events TEXT NOT NULL,
    deltas TEXT NOT NULL,
    PRIMARY KEY (shard, n)
  ) STRICT;
`]

/** The schema for a set of actions: each has an index that is its top lists and, beside them, its shard sums. */
export function rollupSchema(actions: readonly string[]): SqliteSchema {
  const indexes = actions.map((action) => [topIndexOf(action), `
    CREATE INDEX ${topIndexOf(action)}
    ON documents (of, tenant, domain, entity_type, interval, bucket, ${countOf(action)} DESC, entity_id)
    WHERE ${countOf(action)} IS NOT NULL`])
  return { name: 'rollups', steps: STEPS, indexes: Object.fromEntries(indexes) }
}

export function topIndexOf(action: string): string {
  return `documents_top_${checked(action)}`
}

/** How often an action was counted in a document. A query meets the index only with this very expression. */
export function countOf(action: string): string {
  return `json_extract(counts, '$.${checked(action)}.count')`
}

/** Action names stand in the text of statements, so nothing but a name may. */
function checked(action: string): string {
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(action)) {
    throw new AppError('ACTION_UNKNOWN', `no action ${JSON.stringify(action)}`)
  }
  return action
}
