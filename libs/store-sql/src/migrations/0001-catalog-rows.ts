import { migrationOf } from './migration.ts'

/** What the engine remembers of each row in a mapped table. Ids are compared as bytes. */
export const catalogRows = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS catalog_rows (
    domain VARBINARY(32) NOT NULL,
    entity_type VARBINARY(32) NOT NULL,
    tenant VARBINARY(64) NOT NULL,
    entity_id VARBINARY(1024) NOT NULL,
    shard SMALLINT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    opening TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin CHECK (opening IS NULL OR JSON_VALID(opening)),
    PRIMARY KEY (domain, entity_type, tenant, entity_id),
    KEY catalog_rows_changed (shard, revision)
  ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
  sqlite: [`CREATE TABLE IF NOT EXISTS catalog_rows (
    domain TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    tenant TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    shard INTEGER NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    opening TEXT CHECK (json_valid(opening)),
    PRIMARY KEY (domain, entity_type, tenant, entity_id)
  ) STRICT, WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS catalog_rows_changed ON catalog_rows (shard, revision)'],
})
