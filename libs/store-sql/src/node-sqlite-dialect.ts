import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import {
  SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler,
  type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type Kysely, type QueryResult,
} from 'kysely'

/** A call waits this long for the write lock of another handle before it gives up. */
const BUSY_DEADLINE_MS = 10_000
const MOST_STATEMENTS = 100
const BUSY = 5
/** Totals come in the order of shards, which is none: a small cache would read each page again for each row. */
const CACHE_KIB = 32_768

/**
 * Kysely on `node:sqlite`: one handle, WAL, `synchronous=FULL`, every transaction `BEGIN IMMEDIATE`. Waiting for
 * another handle's lock never blocks the thread: that handle may belong to this very thread.
 */
export class NodeSqliteDialect implements Dialect {
  readonly #path: string

  /** @param path a file, made with its folder when it is not there, or `:memory:` */
  constructor(path: string) {
    this.#path = path
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(this.#path)
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }

  createIntrospector(db: Kysely<never>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** Says what SQLite can and Kysely's own does not claim: without it two processes could run a migration at once. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDriver implements Driver {
  readonly #path: string
  #connection: NodeSqliteConnection | undefined
  /** Resolves when the last taker of the one connection has given it back. */
  #free: Promise<void> = Promise.resolve()
  #release: () => void = () => {}

  constructor(path: string) {
    this.#path = path
  }

  async init(): Promise<void> {
    if (this.#path !== ':memory:') mkdirSync(dirname(this.#path), { recursive: true })
    const database = new DatabaseSync(this.#path, { timeout: 0 })
    try {
      await whenFree(() => database.exec('PRAGMA journal_mode = WAL'))
      database.exec(`PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = ${-CACHE_KIB}`)
    } catch (error) {
      database.close()
      throw error
    }
    this.#connection = new NodeSqliteConnection(database)
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#free
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#free = promise
    await before
    this.#release = resolve
    return this.#connection!
  }

  async releaseConnection(): Promise<void> {
    this.#release()
  }

  async beginTransaction(): Promise<void> {
    await whenFree(() => this.#connection!.database.exec('BEGIN IMMEDIATE'))
  }

  async commitTransaction(): Promise<void> {
    this.#connection!.database.exec('COMMIT')
  }

  async rollbackTransaction(): Promise<void> {
    // Some errors, such as a full disk, have rolled back already.
    if (this.#connection!.database.isTransaction) this.#connection!.database.exec('ROLLBACK')
  }

  async destroy(): Promise<void> {
    await this.#free
    this.#connection?.close()
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.database = database
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const run = () => this.#execute<Row>(sql, parameters as SQLInputValue[])
    return this.database.isTransaction ? run() : whenFree(run)
  }

  streamQuery(): never {
    throw new Error('streaming is not needed here')
  }

  close(): void {
    this.#statements.clear()
    this.database.close()
  }

  #execute<Row>(sql: string, parameters: SQLInputValue[]): QueryResult<Row> {
    const statement = this.#statement(sql)
    if (Array.isArray(parameters[0])) {
      const lists = parameters as unknown as SQLInputValue[][]
      if (statement.columns().length > 0) return { rows: lists.map((values) => statement.get(...values) as Row) }
      let changed = 0n
      for (const values of lists) changed += BigInt(statement.run(...values).changes)
      return { numAffectedRows: changed, rows: [] }
    }
    if (statement.columns().length > 0) {
      const rows = statement.all(...parameters) as Record<string, unknown>[]
      for (const row of rows) narrowIntegers(row)
      return { rows: rows as Row[] }
    }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.database.prepare(sql)
      statement.setReadBigInts(true) // a user's own integers may be above 2^53, which otherwise throws
      if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear()
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function narrowIntegers(row: Record<string, unknown>): void {
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) row[name] = Number(value)
  }
}

/** Repeats work that another handle's lock keeps out, without holding the thread. Such work has changed nothing. */
async function whenFree<Result>(work: () => Result): Promise<Result> {
  const deadline = performance.now() + BUSY_DEADLINE_MS
  for (;;) {
    try {
      return work()
    } catch (error) {
      const { errcode } = error as { errcode?: number }
      if (errcode === undefined || (errcode & 0xff) !== BUSY || performance.now() > deadline) throw error
    }
    await delay(1 + Math.random() * 10)
  }
}
