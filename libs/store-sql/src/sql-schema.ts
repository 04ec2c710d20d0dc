/** The engine's own tables in the catalog's database, as queries see them; migrations make them. */
export type SqlSchema = {
  /** What the engine remembers of a row in a mapped table. */
  catalog_rows: {
    domain: string
    entity_type: string
    tenant: string
    entity_id: string
    shard: number
    /** `seq` of the totals that the row shows. */
    version: number
    revision: number
    /** JSON: number by action that stood in the totals column when it was bound; null until then. */
    opening: string | null
  }
  /** The last change number of each shard. Its row is the lock of everyone who changes rows of the shard. */
  catalog_revisions: { shard: number; revision: number }
  /** Which rows took which change numbers of a shard, for tables that keep the numbers in their rows. `ids`: JSON list. */
  catalog_changes: { shard: number; revision: number; domain: string; entity_type: string; tenant: string; ids: string }
  /** Up to which batch each shard's totals are in the mapped tables. */
  catalog_marks: { shard: number; seq: number }

  // Instants are milliseconds since 1970, UTC.
  fleet_tenants: { id: string; zone: string; created_at: number }
  fleet_keys: {
    id: string
    tenant: string
    name: string
    secret_hash: string
    hint: string
    /** JSON list. */
    scopes: string
    publishable: number
    /** JSON list. */
    origins: string
    events_per_minute: number | null
    created_at: number
    revoked_at: number | null
  }
  fleet_users: { id: string; name: string; role: string; password_hash: string | null; created_at: number }
  fleet_sessions: { token_hash: string; user_id: string; kind: string; expires_at: number }
  fleet_audit: {
    id: string
    at: number
    actor: string
    action: string
    target: string
    /** JSON object. */
    detail: string
    outcome: string
  }
  fleet_records: {
    tenant: string
    kind: string
    id: string
    owner: string
    /** JSON. */
    body: string
    created_at: number
    updated_at: number
  }
  fleet_job_events: {
    tenant: string
    source: string
    id: string
    type: string
    queue: string
    job: string
    job_id: string | null
    at: number
    duration_ms: number | null
    attempt: number | null
    worker: string | null
    reason: string | null
  }
}

export const OWN_TABLES: readonly (keyof SqlSchema)[] = [
  'catalog_rows', 'catalog_revisions', 'catalog_marks', 'catalog_changes',
  'fleet_tenants', 'fleet_keys', 'fleet_users', 'fleet_sessions', 'fleet_audit', 'fleet_records', 'fleet_job_events',
]
