import { ALL_SHARDS, eventsByTenant, type Delta } from '@tallyfleet/domain'
import type { Manifest, RollupStore } from '@tallyfleet/ports'
import { packDeltas, unpackDeltas } from './delta-parts.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

/** Manifests blanked in one transaction: each may hold megabytes. */
const BLANKED_AT_ONCE = 50

const COLUMNS = 'shard, n, kind, name, checksum, events, running, delta_count, state, created_at, done_at, job_id'

type Row = {
  shard: number; n: number; kind: Manifest['kind']; name: string; checksum: string; events: string; running: string
  delta_count: number; state: Manifest['state']; created_at: number; done_at: number | null; job_id: string
}

type DeadBatch = { shard: number; n: number; dead: { delta: Delta; reason: string }[] }

/** What a rollup store knows about batches, apart from their documents: the manifests' half of {@link RollupStore}. */
export class SqliteManifests {
  readonly #connection: SqliteConnection

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** Header and parts go in one transaction: a manifest that can be seen is whole. */
  async append(manifest: Manifest, deltas: readonly Delta[]): Promise<Manifest> {
    const { shard, n } = manifest
    const known = await this.find(shard, n)
    if (known) return known
    const parts = await packDeltas(deltas)
    return this.#connection.write(() => {
      const { changes } = this.#connection.statement(`
        INSERT INTO manifests (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
      `).run(
        shard, n, manifest.kind, manifest.name, manifest.checksum, JSON.stringify(manifest.events), JSON.stringify(manifest.running),
        manifest.deltaCount, manifest.state, manifest.createdAt.getTime(), manifest.doneAt?.getTime() ?? null,
        manifest.jobId,
      )
      if (changes === 1) {
        const insert = this.#connection
          .statement('INSERT INTO manifest_parts (shard, n, part, data) VALUES (?, ?, ?, ?)')
        for (const [part, data] of parts.entries()) insert.run(shard, n, part, data)
      }
      return this.#find(shard, n)!
    })
  }

  find(shard: number, n: number): Promise<Manifest | undefined> {
    return this.#connection.read(() => this.#find(shard, n))
  }

  /** One look-up for each shard: years of manifests are not read through. */
  listLatest(): Promise<Manifest[]> {
    return this.#connection.read(() => {
      const latest = this.#connection
        .statement(`SELECT ${COLUMNS} FROM manifests WHERE shard = ? ORDER BY n DESC LIMIT 1`)
      return ALL_SHARDS.flatMap((shard) => {
        const row = latest.get(shard)
        return row ? [manifestOf(row as Row)] : []
      })
    })
  }

  list(shard: number, afterN: number, limit: number): Promise<Manifest[]> {
    return this.#connection.read(() => this.#connection
      .statement(`SELECT ${COLUMNS} FROM manifests WHERE shard = ? AND n > ? ORDER BY n LIMIT ?`)
      .all(shard, afterN, limit).map((row) => manifestOf(row as Row)))
  }

  async findDeltas(shard: number, n: number): Promise<Delta[] | undefined> {
    const rows = await this.#connection.read(() => this.#connection
      .statement('SELECT data FROM manifest_parts WHERE shard = ? AND n = ? ORDER BY part').all(shard, n))
    return rows.length === 0 ? undefined : unpackDeltas(rows.map(({ data }) => data as Uint8Array))
  }

  async finish(shard: number, n: number, doneAt: Date): Promise<void> {
    await this.#connection.write(() => this.#connection
      .statement(`UPDATE manifests SET state = 'done', done_at = ? WHERE shard = ? AND n = ? AND state = 'open'`)
      .run(doneAt.getTime(), shard, n))
  }

  async blank(before: Date): Promise<number> {
    let blanked = 0
    for (;;) {
      const count = await this.#connection.write(() => {
        const rows = this.#connection.statement(`
          SELECT shard, n FROM manifests WHERE state = 'done' AND blanked = 0 AND created_at < ?
          LIMIT ${BLANKED_AT_ONCE}
        `).all(before.getTime()) as { shard: number; n: number }[]
        for (const { shard, n } of rows) {
          this.#connection.statement('DELETE FROM manifest_parts WHERE shard = ? AND n = ?').run(shard, n)
          this.#connection.statement('UPDATE manifests SET blanked = 1 WHERE shard = ? AND n = ?').run(shard, n)
        }
        return rows.length
      })
      blanked += count
      if (count < BLANKED_AT_ONCE) return blanked
    }
  }

  appendDead(shard: number, n: number, dead: Parameters<RollupStore['appendDead']>[2]): Promise<boolean> {
    const events = JSON.stringify(eventsByTenant(dead.map(({ delta }) => delta)))
    return this.#connection.write(() => this.#connection
      .statement('INSERT INTO dead_deltas (shard, n, events, deltas) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
      .run(shard, n, events, JSON.stringify(dead)).changes === 1)
  }

  listDead(): Promise<{ shard: number; tenant: string; events: number }[]> {
    return this.#connection.read(() => this.#connection.statement(`
      SELECT dead.shard, tenant.key AS tenant, sum(tenant.value) AS events
      FROM dead_deltas AS dead, json_each(dead.events) AS tenant GROUP BY dead.shard, tenant.key
    `).all() as { shard: number; tenant: string; events: number }[])
  }

  async putCopy(manifest: Manifest, deltas: readonly Delta[] | undefined): Promise<void> {
    const { shard, n } = manifest
    await this.append(manifest, deltas ?? [])
    await this.#connection.write(() => {
      this.#connection.statement('UPDATE manifests SET state = ?, done_at = ?, blanked = ? WHERE shard = ? AND n = ?')
        .run(manifest.state, manifest.doneAt?.getTime() ?? null, deltas ? 0 : 1, shard, n)
      if (!deltas) this.#connection.statement('DELETE FROM manifest_parts WHERE shard = ? AND n = ?').run(shard, n)
    })
  }

  async *scanDead(): AsyncGenerator<DeadBatch> {
    for (let shard = -1, n = 0; ;) {
      const row = await this.#connection.read(() => this.#connection.statement(`
        SELECT shard, n, deltas FROM dead_deltas WHERE (shard, n) > (?, ?) ORDER BY shard, n LIMIT 1
      `).get(shard, n)) as { shard: number; n: number; deltas: string } | undefined
      if (!row) return
      yield { shard: row.shard, n: row.n, dead: JSON.parse(row.deltas) as DeadBatch['dead'] }
      ;({ shard, n } = row)
    }
  }

  /** Inside a transaction: the state of a manifest, or undefined. */
  stateOf(shard: number, n: number): Manifest['state'] | undefined {
    const row = this.#connection.statement('SELECT state FROM manifests WHERE shard = ? AND n = ?').get(shard, n)
    return row?.state as Manifest['state'] | undefined
  }

  #find(shard: number, n: number): Manifest | undefined {
    const row = this.#connection.statement(`SELECT ${COLUMNS} FROM manifests WHERE shard = ? AND n = ?`).get(shard, n)
    return row && manifestOf(row as Row)
  }
}

function manifestOf(row: Row): Manifest {
  return {
    shard: row.shard, n: row.n, kind: row.kind, name: row.name, checksum: row.checksum,
    events: JSON.parse(row.events), running: JSON.parse(row.running), deltaCount: row.delta_count, state: row.state,
    createdAt: new Date(row.created_at), doneAt: row.done_at === null ? undefined : new Date(row.done_at),
    jobId: row.job_id,
  }
}
