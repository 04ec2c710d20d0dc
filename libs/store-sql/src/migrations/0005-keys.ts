import { migrationOf } from './migration.ts'

/** API keys; of the secret only its hash. */
export const keys = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_keys (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    tenant VARCHAR(64) NOT NULL,
    name VARCHAR(255) NOT NULL,
    secret_hash VARCHAR(128) NOT NULL,
    hint VARCHAR(64) NOT NULL,
    scopes TEXT NOT NULL CHECK (JSON_VALID(scopes)),
    publishable TINYINT NOT NULL,
    origins TEXT NOT NULL CHECK (JSON_VALID(origins)),
    events_per_minute BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    UNIQUE KEY fleet_keys_secret (secret_hash),
    KEY fleet_keys_tenant (tenant)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: [`CREATE TABLE IF NOT EXISTS fleet_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL CHECK (json_valid(scopes)),
    publishable INTEGER NOT NULL,
    origins TEXT NOT NULL CHECK (json_valid(origins)),
    events_per_minute INTEGER,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT`,
  'CREATE INDEX IF NOT EXISTS fleet_keys_tenant ON fleet_keys (tenant)'],
})
