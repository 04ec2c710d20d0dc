import { migrationOf } from './migration.ts'

/** Who did what to what. */
export const audit = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_audit (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor VARCHAR(255) NOT NULL,
    action VARCHAR(255) NOT NULL,
    target VARCHAR(1024) NOT NULL,
    detail MEDIUMTEXT NOT NULL CHECK (JSON_VALID(detail)),
    outcome VARCHAR(16) NOT NULL,
    KEY fleet_audit_at (at, id)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: [`CREATE TABLE IF NOT EXISTS fleet_audit (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL CHECK (json_valid(detail)),
    outcome TEXT NOT NULL
  ) STRICT`,
  'CREATE INDEX IF NOT EXISTS fleet_audit_at ON fleet_audit (at, id)'],
})
