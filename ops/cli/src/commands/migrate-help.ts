/** What `migrate stores --help` says after its options. */
export const MIGRATE_STORES_HELP = `
Takes rollups, manifests, dead deltas and the journal from one store to another, either way:
  sqlite:PATH (or a path)   mongodb://HOST/DATABASE

Every shard is stopped meanwhile: events are answered 503 and clients repeat them. Both sides are compared document by
document before the old one is marked as left. Interrupted or killed, the same command goes on where it was.
Afterwards set ROLLUPS_URL to the new store and restart the fleet at once: what still runs on the old one counts on in
Redis, and flushes nothing.

Catalog rows and segments are no part of it. They follow by themselves: a new SEGMENTS_URL fills up from the catalog,
and the totals of a new CATALOG_URL from the rollups (its own rows, openings and accounts are the database's to move).`
