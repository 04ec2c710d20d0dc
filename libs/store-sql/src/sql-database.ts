import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { CompiledQuery, Kysely, MysqlDialect, type Dialect } from 'kysely'
import { createPool } from 'mysql2'
import { createConnection } from 'mysql2/promise'
import { NodeSqliteDialect } from './node-sqlite-dialect.ts'
import { isDeadlock, isDuplicate, translateSqlError } from './sql-errors.ts'
import type { SqlSchema } from './sql-schema.ts'

/** How SQL is spoken: MySQL and MariaDB understand the same here. */
export type SqlEngine = 'sqlite' | 'mysql'

export type Sql = Kysely<SqlSchema>

export type SqlValue = string | number | bigint | null

const MOST_TRIES = 8
const POOL_SIZE = 8

/**
 * A database of the catalog role. Everything rejects with `STORE_UNAVAILABLE` when it is closed or cannot be reached.
 */
export class SqlDatabase implements AsyncDisposable {
  readonly engine: SqlEngine
  /** The address without its password: fit for messages. */
  readonly name: string
  readonly #kysely: Sql
  #closed = false

  constructor(engine: SqlEngine, name: string, dialect: Dialect) {
    this.engine = engine
    this.name = name
    this.#kysely = new Kysely<SqlSchema>({ dialect })
  }

  /** Runs statements outside a transaction, each on its own. */
  async run<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw new AppError('STORE_UNAVAILABLE', `${this.name} is closed`)
    try {
      return await work(this.#kysely)
    } catch (error) {
      throw translateSqlError(error, this.name)
    }
  }

  /**
   * Runs work in one transaction (SQLite: `BEGIN IMMEDIATE`), and again when it lost a deadlock: so it must be a
   * function of the database alone.
   * @param retryDuplicates run it again too when a unique index refused a row that appeared after the work looked
   */
  async transact<Result>(
    work: (sql: Sql) => Promise<Result>, { retryDuplicates = false } = {},
  ): Promise<Result> {
    return this.run(async (kysely) => {
      for (let tries = 1; ; tries++) {
        try {
          return await kysely.transaction().execute(work)
        } catch (error) {
          const again = isDeadlock(error) || (retryDuplicates && isDuplicate(error))
          if (!again || tries === MOST_TRIES) throw error
        }
        await delay(Math.random() * 10 * 2 ** tries)
      }
    })
  }

  /**
   * Runs changes of the schema while no other process does: a named lock on MySQL, whose DDL knows no transaction, and
   * a transaction on SQLite.
   */
  async exclusively<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    if (this.engine === 'sqlite') return this.transact(work)
    return this.run((kysely) => kysely.connection().execute(async (sql) => {
      const [lock] = await query<{ taken: number | null }>(sql,
        `SELECT GET_LOCK(CONCAT('tallyfleet:', MD5(DATABASE())), 120) AS taken`)
      if (lock?.taken !== 1) throw new AppError('STORE_UNAVAILABLE', `${this.name}: another process holds the schema`)
      try {
        return await work(sql)
      } finally {
        await query(sql, `SELECT RELEASE_LOCK(CONCAT('tallyfleet:', MD5(DATABASE())))`)
      }
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#kysely.destroy()
  }
}

/** Rows of a statement whose values are bound. Names in the text must come from mappings or constants. */
export async function query<Row>(sql: Sql, text: string, values: readonly SqlValue[] = []): Promise<Row[]> {
  return (await sql.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows
}

/** Runs a statement that writes; answers how many rows it found, changed by it or not. */
export async function change(sql: Sql, text: string, values: readonly SqlValue[]): Promise<number> {
  return Number((await sql.executeQuery(CompiledQuery.raw(text, [...values]))).numAffectedRows ?? 0)
}

/** On SQLite: runs a statement for each list of values; answers its first row or undefined for each. */
export async function queryEach<Row>(sql: Sql, text: string, lists: readonly SqlValue[][]): Promise<(Row | undefined)[]> {
  return lists.length === 0 ? [] : (await sql.executeQuery<Row>(CompiledQuery.raw(text, [...lists]))).rows
}

/** On SQLite: runs a statement that writes for each list of values; answers how many rows it found in all. */
export async function changeEach(sql: Sql, text: string, lists: readonly SqlValue[][]): Promise<number> {
  return lists.length === 0 ? 0 : Number((await sql.executeQuery(CompiledQuery.raw(text, [...lists]))).numAffectedRows)
}

/** `(?, ?), (?, ?)`: `rows` tuples of `width` placeholders. */
export function tuples(rows: number, width: number): string {
  return Array(rows).fill(`(${Array(width).fill('?').join(', ')})`).join(', ')
}

/**
 * Opens `sqlite:path` or `mysql://user:password@host:port/database` (MySQL or MariaDB); a database that is missing is
 * made, if the account may. Rejects with
 * `STORE_UNAVAILABLE` when the database does not answer, `CONFIG_INVALID` for another address.
 */
export async function openSqlDatabase(url: string): Promise<SqlDatabase> {
  if (!url.startsWith('sqlite:')) await createMissingDatabase(mysqlAddress(url))
  const database = url.startsWith('sqlite:') ? sqlite(url) : mysql(url)
  try {
    await database.run((sql) => query(sql, 'SELECT 1'))
  } catch (error) {
    await database[Symbol.asyncDispose]().catch(() => {}) // the first error says more
    throw error
  }
  return database
}

function sqlite(url: string): SqlDatabase {
  const path = url.slice('sqlite:'.length).replace(/^\/\/(?=.)/, '')
  if (path === '') throw new AppError('CONFIG_INVALID', 'sqlite: needs a path')
  return new SqlDatabase('sqlite', path, new NodeSqliteDialect(path))
}

function mysqlAddress(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined
  if (!address || !['mysql:', 'mariadb:'].includes(address.protocol)) {
    throw new AppError('CONFIG_INVALID', 'a catalog needs mysql://user:password@host:port/database or sqlite:path')
  }
  if (address.pathname.length < 2) throw new AppError('CONFIG_INVALID', `${address.host}: the URL names no database`)
  address.protocol = 'mysql:'
  return address
}

/** Only a server that knows no such database is asked to make it; whatever else is wrong shows when it is opened. */
async function createMissingDatabase(address: URL): Promise<void> {
  const options = { connectTimeout: 10_000 }
  try {
    await (await createConnection({ uri: address.href, ...options })).end()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ER_BAD_DB_ERROR') return
    const server = new URL(address)
    server.pathname = '/'
    const connection = await createConnection({ uri: server.href, ...options })
    try {
      const name = decodeURIComponent(address.pathname.slice(1))
      await connection.query(`CREATE DATABASE IF NOT EXISTS ${connection.escapeId(name)} CHARACTER SET utf8mb4`)
    } catch {
      // the account may not: opening will say that the database is missing
    } finally {
      await connection.end()
    }
  }
}

function mysql(url: string): SqlDatabase {
  const address = mysqlAddress(url)
  const pool = createPool({
    uri: address.href,
    connectionLimit: POOL_SIZE,
    charset: 'UTF8MB4_UNICODE_CI',
    timezone: 'Z',
    dateStrings: true,
    jsonStrings: true,
    supportBigNumbers: true,
    stringifyObjects: true,
    connectTimeout: 10_000,
  })
  const dialect = new MysqlDialect({
    pool,
    async onCreateConnection(connection) {
      // Without a mode of our own a server's NO_BACKSLASH_ESCAPES would break the driver's quoting.
      await connection.executeQuery(CompiledQuery.raw(`SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 10,
        sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`))
      await connection.executeQuery(CompiledQuery.raw('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'))
    },
  })
  return new SqlDatabase('mysql', `mysql://${address.host}${address.pathname}`, dialect)
}
