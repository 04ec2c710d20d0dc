import { migrationOf } from './migration.ts'

/** People who log in. */
export const users = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_users (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    role VARCHAR(32) NOT NULL,
    password_hash VARCHAR(512),
    created_at BIGINT NOT NULL,
    UNIQUE KEY fleet_users_name (name)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: `CREATE TABLE IF NOT EXISTS fleet_users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT,
    created_at INTEGER NOT NULL
  ) STRICT`,
})
