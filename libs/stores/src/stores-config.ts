import { z } from 'zod'

const url = (schemes: string[]) => z.string().refine((text) => schemes.some((scheme) => text.startsWith(scheme)), {
  error: `must start with one of ${schemes.join(', ')}`,
})

/** What it takes to find the stores. A URL's scheme picks the engine; unset means embedded, under FLEET_HOME. */
export const storesConfig = z.object({
  FLEET_HOME: z.string().default('.fleet').describe('Folder of all local state; delete it only together with the stores that the URLs name'),
  REDIS_URL: url(['redis://', 'rediss://']).optional().describe('Redis or Valkey; several nodes, comma-separated: Redis Cluster. Unset: `./fleet up` runs its own'),
  ROLLUPS_URL: url(['mongodb://', 'mongodb+srv://', 'sqlite:']).optional().describe('Rollups, manifests, journal. Unset: SQLite under FLEET_HOME'),
  CATALOG_URL: url(['mysql://', 'sqlite:']).optional().describe('Catalog, totals, accounts, audit. Unset: SQLite under FLEET_HOME'),
  SEGMENTS_URL: url(['http://', 'https://', 'sqlite:']).optional().describe('Segments: Elasticsearch or OpenSearch. Unset: SQLite under FLEET_HOME'),
  SEGMENTS_PREFIX: z.string().default('tallyfleet').describe('What the names of the search indices begin with: one for each fleet on the same server'),
  SEGMENTS_API_KEY: z.string().min(1).optional().describe('Elasticsearch: an API key, base64 of id:key. Unset: the name and password in SEGMENTS_URL, if any'),
  SEGMENTS_CA: z.string().startsWith('-----BEGIN CERTIFICATE').optional().describe('Certificates (PEM) to trust for SEGMENTS_URL, in place of those that Node.js trusts; SEGMENTS_CA_FILE names the file'),
  FLEET_SECRET: z.string().min(32).optional().describe('Keys the hashes of dedupe members and document ids; fixed for the life of the rollups. Unset: drawn once and kept beside the rollups'),
  INGEST_DURABILITY: z.enum(['everysec', 'fsync', 'replica', 'log-first']).default('everysec').describe('What a 202 promises; docs/durability.md. everysec: survives kill -9 of any process but Redis; when Redis or its machine dies, the last two seconds may be lost. fsync: it is on the disk of Redis (appendfsync always, or Redis 7.2). replica: INGEST_REPLICAS replicas have it. log-first: it is in a log under FLEET_HOME, from which a lost Redis is rebuilt. The same for every process'),
  INGEST_REPLICAS: z.coerce.number().int().min(1).max(10).default(1).describe('With INGEST_DURABILITY=replica: so many replicas must have a write before its 202'),
  INGEST_REPLICA_TIMEOUT_MS: z.coerce.number().int().min(1).max(4_000).default(1_000).describe('With INGEST_DURABILITY=replica: how long a write waits for them; then 503'),
  FREEZE_SETTLE_MS: z.coerce.number().int().min(0).max(60_000).optional().describe('Redis before 7.2: a flush waits so long until the freeze is as durable as a 202, instead of watching the log of Redis until it is synced, which takes about a second. Below 3000 only where no power is lost'),
})

export type StoresConfig = z.output<typeof storesConfig>
