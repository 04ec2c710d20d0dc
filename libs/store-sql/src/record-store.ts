import { AppError } from '@tallyfleet/domain'
import type { RecordsOf, RecordStore, StoredRecord } from '@tallyfleet/ports'
import { migrateSql } from './migrate-sql.ts'
import { openSqlDatabase, query, type SqlDatabase } from './sql-database.ts'

const MAX_BODY_BYTES = 262_144

type Row = { id: string; owner: string; body: string; created_at: number; updated_at: number }

/** Records in SQLite, MySQL or MariaDB: in the catalog's database. */
export class SqlRecordStore implements RecordStore {
  readonly #database: SqlDatabase

  private constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Opens the database and migrates it. */
  static async open({ url }: { url: string }): Promise<SqlRecordStore> {
    const database = await openSqlDatabase(url)
    try {
      await migrateSql(database)
    } catch (error) {
      await database[Symbol.asyncDispose]()
      throw error
    }
    return new SqlRecordStore(database)
  }

  async find({ tenant, kind }: RecordsOf, id: string): Promise<StoredRecord | undefined> {
    const [row] = await this.#database.run((sql) => query<Row>(sql,
      'SELECT * FROM fleet_records WHERE tenant = ? AND kind = ? AND id = ?', [tenant, kind, id]))
    return row?.id === id ? recordOf(row) : undefined
  }

  async list(
    { tenant, kind }: RecordsOf,
    { after, limit, descending = false }: { after?: string | undefined; limit: number; descending?: boolean },
  ): Promise<StoredRecord[]> {
    const rows = await this.#database.run((sql) => query<Row>(sql,
      `SELECT * FROM fleet_records WHERE tenant = ? AND kind = ?
       ${after === undefined ? '' : `AND id ${descending ? '<' : '>'} ?`}
       ORDER BY id ${descending ? 'DESC' : 'ASC'} LIMIT ?`,
      [tenant, kind, ...(after === undefined ? [] : [after]), limit]))
    return rows.map(recordOf)
  }

  async count({ tenant, kind }: RecordsOf): Promise<number> {
    const [row] = await this.#database.run((sql) => query<{ records: number }>(sql,
      'SELECT COUNT(*) AS records FROM fleet_records WHERE tenant = ? AND kind = ?', [tenant, kind]))
    return Number(row!.records)
  }

  async put({ tenant, kind }: RecordsOf, { id, owner, body }: Pick<StoredRecord, 'id' | 'owner' | 'body'>, at: Date): Promise<void> {
    const text = JSON.stringify(body)
    if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
      throw new AppError('FIELD_INVALID', `the record ${id} is larger than ${MAX_BODY_BYTES} bytes`)
    }
    await this.#database.run((sql) => query(sql,
      `INSERT INTO fleet_records (tenant, kind, id, owner, body, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ${this.#database.engine === 'mysql'
          ? 'ON DUPLICATE KEY UPDATE owner = VALUES(owner), body = VALUES(body), updated_at = VALUES(updated_at)'
          : 'ON CONFLICT DO UPDATE SET owner = excluded.owner, body = excluded.body, updated_at = excluded.updated_at'}`,
      [tenant, kind, id, owner, text, at.getTime(), at.getTime()]))
  }

  async delete({ tenant, kind }: RecordsOf, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#database.run((sql) => sql.deleteFrom('fleet_records')
      .where('tenant', '=', tenant).where('kind', '=', kind).where('id', '=', id).executeTakeFirst())
    return numDeletedRows > 0n
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }
}

function recordOf({ id, owner, body, created_at, updated_at }: Row): StoredRecord {
  return { id, owner, body: JSON.parse(body), createdAt: new Date(created_at), updatedAt: new Date(updated_at) }
}
