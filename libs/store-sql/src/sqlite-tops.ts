import { COUNT, SEPARATOR, type Counts, type DocumentDelta } from '@tallyfleet/domain'
import type { SqliteConnection } from './sqlite-connection.ts'

type Place = Pick<DocumentDelta, 'of' | 'tenant' | 'domain' | 'entityType' | 'entityId' | 'interval' | 'bucket' | 'shard'>

const MOST_KNOWN = 20_000

/**
 * The top lists beside the documents: what each says now, so that writing again heals. To be called inside the
 * transaction that writes the document; when that is rolled back, {@link forget}.
 */
export class SqliteTops {
  readonly #connection: SqliteConnection
  readonly #known = new Map<string, number>()

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** @param actions those that may have changed */
  put(document: Place, counts: Counts, actions: Iterable<string>): void {
    const put = this.#connection.statement(`
      INSERT INTO tops (list, entity_id, count) VALUES (?, ?, ?)
      ON CONFLICT (list, entity_id) DO UPDATE SET count = excluded.count WHERE count <> excluded.count`)
    const whose = document.entityId ?? String(document.shard)
    for (const action of actions) put.run(this.#listOf(document, action), whose, counts[action]?.[COUNT] ?? 0)
  }

  /** After a transaction that was rolled back: lists that it made are not there. */
  forget(): void {
    this.#known.clear()
  }

  #listOf({ of, tenant, domain, entityType, interval, bucket }: Place, action: string): number {
    const name = [of, tenant, domain, entityType, action, interval, bucket].join(SEPARATOR)
    let list = this.#known.get(name)
    if (list !== undefined) return list
    const key = [of, tenant, domain, entityType, action, interval, bucket]
    this.#connection.statement(`
      INSERT INTO lists (of, tenant, domain, entity_type, action, interval, bucket) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`).run(...key)
    list = this.#connection.statement(`
      SELECT list FROM lists WHERE of = ? AND tenant = ? AND domain = ? AND entity_type = ? AND action = ? AND interval = ?
        AND bucket = ?`).get(...key)!['list'] as number
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(name, list)
    return list
  }
}
