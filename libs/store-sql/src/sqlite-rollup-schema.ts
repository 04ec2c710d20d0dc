import { AppError } from '@tallyfleet/domain'
import type { SqliteSchema } from './sqlite-connection.ts'

/** The actions of which a document has a count, sorted, each between spaces; null when there is none. */
export function actionsIn(document: 'documents' | 'new' | 'old'): string {
  return `(SELECT ' ' || group_concat(action, ' ') || ' ' FROM (
    SELECT key AS action FROM json_each(${document}.counts) WHERE value ->> '$.count' > 0 ORDER BY key))`
}

function countEntity(document: 'new' | 'old', change: 1 | -1): string {
  return `
    INSERT INTO entity_counts SELECT ${document}.tenant, ${document}.domain, ${document}.entity_type, actions, ${change}
    FROM (SELECT ${actionsIn(document)} AS actions) WHERE actions IS NOT NULL
    ON CONFLICT DO UPDATE SET entities = entities + ${change}`
}

/**
 * Tables of the rollup store. `documents_series` finds one entity's buckets, `documents_changed` what a projection has
 * not seen, `documents_shard` a shard's documents in the order of `row`. `tops` holds each count of each document by
 * its list (an action in a bucket; a shard's sum stands there under the shard's number), `entity_counts` how many
 * entities have which actions, which triggers keep.
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
`, `
  CREATE TABLE lists (
    list INTEGER PRIMARY KEY,
    of TEXT NOT NULL,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    action TEXT NOT NULL,
    interval TEXT NOT NULL,
    bucket TEXT NOT NULL,
    UNIQUE (of, tenant, domain, entity_type, action, interval, bucket)
  ) STRICT;
  CREATE TABLE tops (
    list INTEGER NOT NULL,
    entity_id TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (list, entity_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tops_order ON tops (list, count DESC, entity_id);
  INSERT INTO lists (of, tenant, domain, entity_type, action, interval, bucket)
    SELECT DISTINCT of, tenant, domain, entity_type, each.key, interval, bucket FROM documents, json_each(counts) AS each;
  INSERT INTO tops (list, entity_id, count)
    SELECT list, COALESCE(entity_id, shard), COALESCE(each.value ->> '$.count', 0)
    FROM documents, json_each(counts) AS each CROSS JOIN lists USING (of, tenant, domain, entity_type, interval, bucket)
    WHERE lists.action = each.key;

  CREATE TABLE entity_counts (
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    actions TEXT NOT NULL,
    entities INTEGER NOT NULL,
    PRIMARY KEY (tenant, domain, entity_type, actions)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO entity_counts SELECT tenant, domain, entity_type, ${actionsIn('documents')} AS actions, count(*) FROM documents
    WHERE of = 'entity' AND interval = 'total' AND actions IS NOT NULL GROUP BY tenant, domain, entity_type, actions;
  CREATE TRIGGER documents_counted_insert AFTER INSERT ON documents
  WHEN new.of = 'entity' AND new.interval = 'total' BEGIN
    ${countEntity('new', 1)};
  END;
  CREATE TRIGGER documents_counted_update AFTER UPDATE OF counts ON documents
  WHEN new.of = 'entity' AND new.interval = 'total' AND ${actionsIn('new')} IS NOT ${actionsIn('old')} BEGIN
    ${countEntity('old', -1)};
    ${countEntity('new', 1)};
  END;
  CREATE TRIGGER documents_counted_delete AFTER DELETE ON documents
  WHEN old.of = 'entity' AND old.interval = 'total' BEGIN
    ${countEntity('old', -1)};
  END;
`]

export const ROLLUP_SCHEMA: SqliteSchema = {
  name: 'rollups', steps: STEPS,
  // Each action had a partial index of JSON; all of them were asked for every document.
  droppedIndexes: 'documents_top_*',
}

/** How often an action was counted in a document. */
export function countOf(action: string): string {
  return `json_extract(counts, '$.${checkAction(action)}.count')`
}

/** Action names stand in the text of statements, so nothing but a name may. */
export function checkAction(action: string): string {
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(action)) {
    throw new AppError('ACTION_UNKNOWN', `no action ${JSON.stringify(action)}`)
  }
  return action
}
