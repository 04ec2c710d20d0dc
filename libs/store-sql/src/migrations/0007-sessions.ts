import { migrationOf } from './migration.ts'

/** Login sessions and first-login links; of the token only its hash. */
export const sessions = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_sessions (
    token_hash VARCHAR(128) NOT NULL PRIMARY KEY,
    user_id VARCHAR(64) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY fleet_sessions_expires (expires_at)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: [`CREATE TABLE IF NOT EXISTS fleet_sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX IF NOT EXISTS fleet_sessions_expires ON fleet_sessions (expires_at)'],
})
