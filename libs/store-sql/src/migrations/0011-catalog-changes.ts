import { migrationOf } from './migration.ts'

/**
 * Which rows of a shard took which change numbers: `ids` in their order, the last of them at `revision`. The entry
 * without a domain tells that those up to its revision are gone.
 */
export const catalogChanges = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS catalog_changes (
    shard SMALLINT NOT NULL,
    revision BIGINT NOT NULL,
    domain VARBINARY(32) NOT NULL,
    entity_type VARBINARY(32) NOT NULL,
    tenant VARBINARY(64) NOT NULL,
    ids MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (shard, revision, domain, entity_type, tenant)
  ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
  sqlite: `CREATE TABLE IF NOT EXISTS catalog_changes (
    shard INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    domain TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    tenant TEXT NOT NULL,
    ids TEXT NOT NULL,
    PRIMARY KEY (shard, revision, domain, entity_type, tenant)
  ) STRICT, WITHOUT ROWID`,
})
