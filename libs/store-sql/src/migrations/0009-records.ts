import { migrationOf } from './migration.ts'

/** What people save, and what nightly jobs note for them. Instants are milliseconds since 1970. */
export const records = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_records (
    tenant VARCHAR(32) NOT NULL,
    kind VARCHAR(128) NOT NULL,
    id VARCHAR(128) NOT NULL,
    owner VARCHAR(255) NOT NULL,
    body MEDIUMTEXT NOT NULL CHECK (JSON_VALID(body)),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, id)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: `CREATE TABLE IF NOT EXISTS fleet_records (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id)
  ) STRICT, WITHOUT ROWID`,
})
