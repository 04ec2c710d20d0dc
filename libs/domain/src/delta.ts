import { createHash, hash } from 'node:crypto'
import { bucketOf, INTERVALS, type Interval } from './bucket.ts'
import { entityText, SEPARATOR, type EntityKey } from './shard.ts'

/** The built-in measure: how many events. */
export const COUNT = 'count'

/** One field of a hot counter: how much one measure of one entity and action grew in one finest bucket. */
export type Delta = EntityKey & { action: string; measure: string; bucket: string; value: number }

/** Counts by action, then by measure: `{ view: { count: 3 }, purchase: { count: 1, revenue: 1999 } }`. */
export type Counts = Record<string, Record<string, number>>

/**
 * What one batch adds to one rollup document. `of` tells a document of one entity from the sum of one shard over all
 * its entities (`entityId` null). No two of a batch share an id, and no two shards share a document.
 */
export type DocumentDelta = {
  id: string
  of: 'entity' | 'shard'
  tenant: string
  domain: string
  entityType: string
  entityId: string | null
  interval: Interval
  bucket: string
  shard: number
  counts: Counts
}

/** The field of a hot counter, parts joined by U+001F: tenant first, so that a script can sum by tenant. */
export function fieldOf(delta: Omit<Delta, 'value'>): string {
  return `${entityText(delta)}${SEPARATOR}${delta.action}${SEPARATOR}${delta.measure}${SEPARATOR}${delta.bucket}`
}

/** The inverse of {@link fieldOf}. */
export function deltaOf(field: string, value: number): Delta {
  const [tenant, domain, entityType, entityId, action, measure, bucket] =
    field.split(SEPARATOR) as [string, string, string, string, string, string, string]
  return { tenant, domain, entityType, entityId, action, measure, bucket, value }
}

/** What makes a frozen batch the same batch: SHA-256 over its sorted fields and values, in hex. */
export function checksumOf(deltas: readonly Delta[]): string {
  const sum = createHash('sha256')
  for (const line of deltas.map((delta) => `${fieldOf(delta)}${SEPARATOR}${delta.value}\n`).sort()) sum.update(line)
  return sum.digest('hex')
}

/** Events by tenant in a set of deltas: the measure `count` alone. */
export function eventsByTenant(deltas: readonly Delta[]): Record<string, number> {
  const events: Record<string, number> = Object.create(null)
  for (const { tenant, measure, value } of deltas) {
    if (measure === COUNT) events[tenant] = (events[tenant] ?? 0) + value
  }
  return events
}

/**
 * The id of a rollup document: the tenant plus 128 bits of a hash keyed with the installation's secret, so that the id
 * can outlive an erasure without telling which entity it was.
 */
export function documentIdOf(
  secret: string, key: Omit<DocumentDelta, 'id' | 'counts' | 'shard'> & { shard: number },
): string {
  const name = [key.of, key.domain, key.entityType, key.of === 'shard' ? String(key.shard) : key.entityId, key.interval, key.bucket]
  const text = keyedHash(secret, [key.tenant, ...name])
  // Sixteen bytes end two bits into the 22nd letter. As text, because making a buffer takes longer than the hash.
  return `${key.tenant}:${text.slice(0, 21)}${'AQgw'[LETTERS.indexOf(text[21]!) >> 4]}`
}

/**
 * Groups the deltas of one shard's batch into documents: each entity and the shard's sums, in every interval, each
 * document once, sorted by id.
 * @param finest the shortest bucket of a domain's pack; an hour bucket of a day pack never occurs
 */
export function groupDeltas(
  secret: string, shard: number, deltas: readonly Delta[], finest: (domain: string) => 'day' | 'hour',
): DocumentDelta[] {
  const documents = new Map<string, DocumentDelta>()
  const buckets = new Map<string, readonly { interval: Interval; bucket: string; suffix: string }[]>()
  const add = (delta: Delta, of: 'entity' | 'shard', name: string, interval: Interval, bucket: string) => {
    let document = documents.get(name)
    if (!document) {
      const { tenant, domain, entityType } = delta
      const key = { of, tenant, domain, entityType, entityId: of === 'entity' ? delta.entityId : null, interval, bucket, shard }
      document = { id: documentIdOf(secret, key), ...key, counts: Object.create(null) as Counts }
      documents.set(name, document)
    }
    addCount(document.counts, delta)
  }
  for (const delta of deltas) {
    const hours = finest(delta.domain) === 'hour'
    const place = `${delta.bucket}${hours}`
    let within = buckets.get(place)
    if (!within) {
      within = INTERVALS.filter((interval) => interval !== 'hour' || hours).map((interval) => {
        const bucket = bucketOf(interval, delta.bucket)
        return { interval, bucket, suffix: `${SEPARATOR}${interval}${SEPARATOR}${bucket}` }
      })
      buckets.set(place, within)
    }
    const entity = `entity${SEPARATOR}${entityText(delta)}`
    const sum = `shard${SEPARATOR}${delta.tenant}${SEPARATOR}${delta.domain}${SEPARATOR}${delta.entityType}`
    for (const { interval, bucket, suffix } of within) {
      add(delta, 'entity', entity + suffix, interval, bucket)
      add(delta, 'shard', sum + suffix, interval, bucket)
    }
  }
  return [...documents.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** Adds a delta to counts, in place. */
export function addCount(counts: Counts, { action, measure, value }: Pick<Delta, 'action' | 'measure' | 'value'>): void {
  const measures = (counts[action] ??= Object.create(null) as Counts[string])
  measures[measure] = (measures[measure] ?? 0) + value
}

/** The member that stands for an event in the dedupe sets: 64 signed bits of a keyed hash, in decimal. */
export function dedupeMemberOf(secret: string, key: EntityKey, eventId: string): string {
  // As text, because making a buffer for it takes longer than the hash.
  const bytes = hash('sha256', `${secret}${SEPARATOR}${entityText(key)}${SEPARATOR}${eventId}`, 'binary')
  for (let at = 0; at < 8; at++) memberBytes.setUint8(at, bytes.charCodeAt(at))
  return memberBytes.getBigInt64(0).toString()
}

const memberBytes = new DataView(new ArrayBuffer(8))

/**
 * SHA-256 over the secret and the parts, in base64url. Only its first bytes leave this file: what is cut off cannot be extended, so
 * it needs no HMAC, which costs three times as much for each event.
 */
function keyedHash(secret: string, parts: readonly (string | null)[]): string {
  return hash('sha256', [secret, ...parts].join(SEPARATOR), 'base64url')
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

