import { migrationOf } from './migration.ts'

/** The last change number of each shard. */
export const catalogRevisions = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS catalog_revisions (
    shard SMALLINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
  ) ENGINE=InnoDB`,
  sqlite: `CREATE TABLE IF NOT EXISTS catalog_revisions (
    shard INTEGER NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
  ) STRICT`,
})
