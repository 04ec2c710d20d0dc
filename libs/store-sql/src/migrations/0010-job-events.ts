import { migrationOf } from './migration.ts'

/** Events in the lives of jobs. Instants are milliseconds since 1970. */
export const jobEvents = migrationOf({
  mysql: `CREATE TABLE IF NOT EXISTS fleet_job_events (
    tenant VARCHAR(32) NOT NULL,
    source VARCHAR(8) NOT NULL,
    id VARCHAR(128) NOT NULL,
    type VARCHAR(32) NOT NULL,
    queue VARCHAR(100) NOT NULL,
    job VARCHAR(100) NOT NULL,
    job_id VARCHAR(200),
    at BIGINT NOT NULL,
    duration_ms DOUBLE,
    attempt INT,
    worker VARCHAR(200),
    reason VARCHAR(500),
    PRIMARY KEY (tenant, source, id),
    KEY fleet_job_events_at (tenant, at),
    KEY fleet_job_events_age (at)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
  sqlite: [`CREATE TABLE IF NOT EXISTS fleet_job_events (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    queue TEXT NOT NULL,
    job TEXT NOT NULL,
    job_id TEXT,
    at INTEGER NOT NULL,
    duration_ms REAL,
    attempt INTEGER,
    worker TEXT,
    reason TEXT,
    PRIMARY KEY (tenant, source, id)
  ) STRICT`,
  'CREATE INDEX IF NOT EXISTS fleet_job_events_at ON fleet_job_events (tenant, at)',
  'CREATE INDEX IF NOT EXISTS fleet_job_events_age ON fleet_job_events (at)'],
})
