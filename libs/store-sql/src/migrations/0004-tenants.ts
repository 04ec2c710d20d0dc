import { migrationOf } from './migration.ts'

/** Tenants and their time zones. The prefix keeps clear of tables that a user has here already. */
export const tenants = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_tenants (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    zone VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: `CREATE TABLE IF NOT EXISTS fleet_tenants (
    id TEXT NOT NULL PRIMARY KEY,
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
})
