import { migrationOf } from './migration.ts'

/** Up to which batch each shard's totals are in the tables: kept here so that a restored database catches up. */
export const catalogMarks = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS catalog_marks (
    shard SMALLINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
  ) ENGINE=InnoDB`,
  sqlite: `CREATE TABLE IF NOT EXISTS catalog_marks (
    shard INTEGER NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
  ) STRICT`,
})
