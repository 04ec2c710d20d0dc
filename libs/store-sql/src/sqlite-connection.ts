import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setImmediate as breathe, setTimeout as delay } from 'node:timers/promises'
import { AppError, type ErrorCode } from '@tallyfleet/domain'

/**
 * What a store keeps in a file that other stores may share. Steps are only ever added at the end: each runs once in
 * the life of a file, all that are missing in one transaction.
 */
export type SqliteSchema = {
  name: string
  steps: readonly string[]
  /** A GLOB pattern of indexes that releases before the last step have made, and that it drops. */
  droppedIndexes?: string
}

export type SqliteOptions = {
  /** A file, made with its folder when it is not there, or `:memory:`. */
  path: string
  schema: SqliteSchema
  /** Refuses every write once the schema stands. The schema is made even so: a reader may be the first to come. */
  readOnly?: boolean
  /** How long a call waits for the write lock of another process before it gives up. */
  busyTimeoutMs?: number
}

const BUSY_TIMEOUT_MS = 10_000
/** The part of that wait in which SQLite blocks the thread: short, because locks of jobs must be renewed meanwhile. */
const BUSY_BLOCKING_MS = 100
const MAX_WAL_BYTES = 64 * 1_048_576
/** Works join a transaction until it has lasted this long: others wait for its lock. */
const MAX_SHARED_MS = 40

const BUSY = 5
/** Primary result codes by what they mean for the caller; the others are mistakes of ours and pass as they are. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  5: 'STORE_UNAVAILABLE', // BUSY
  6: 'STORE_UNAVAILABLE', // LOCKED
  7: 'STORE_UNAVAILABLE', // NOMEM
  10: 'STORE_UNAVAILABLE', // IOERR
  11: 'STORE_REFUSED', // CORRUPT
  13: 'STORE_UNAVAILABLE', // FULL
  14: 'STORE_UNAVAILABLE', // CANTOPEN
  26: 'STORE_REFUSED', // NOTADB
}

/** A work that waits for its transaction. It changes nothing but the file, so it may be run again after a rollback. */
type Waiting = { work: () => unknown; resolve: (result: any) => void; reject: (error: unknown) => void; deadline: number }

/**
 * One handle on a SQLite file that several processes share: WAL, `synchronous=FULL`, foreign keys on. Work is a
 * synchronous function, so no other work of this process can slip between its statements; it must be short (≤ 50 ms),
 * because it holds the thread and, in {@link write}, the file's one write lock. Works that wait at the same time share a
 * transaction, and so one sync of the disk.
 *
 * Everything rejects with `STORE_UNAVAILABLE` when the handle is closed or the file cannot be used.
 */
export class SqliteConnection {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #busyTimeoutMs: number
  readonly #statements = new Map<string, StatementSync>()
  readonly #waiting: Waiting[] = []
  readonly #afterRollback: (() => void)[] = []
  #isWriting = false
  #closed = false

  private constructor(path: string, database: DatabaseSync, busyTimeoutMs: number) {
    this.path = path
    this.#database = database
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /** Opens the file and brings the schema up to date; any number of processes may do so at once. */
  static async open(
    { path, schema, readOnly = false, busyTimeoutMs = BUSY_TIMEOUT_MS }: SqliteOptions,
  ): Promise<SqliteConnection> {
    const connection = await withinTimeout(path, busyTimeoutMs, () => {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
      const timeout = Math.min(BUSY_BLOCKING_MS, busyTimeoutMs)
      const database = new DatabaseSync(path, { timeout, enableForeignKeyConstraints: true })
      try {
        configure(database, path)
      } catch (error) {
        database.close()
        throw error
      }
      return new SqliteConnection(path, database, busyTimeoutMs)
    })
    try {
      await connection.#upgrade(schema)
      if (readOnly) connection.#database.exec('PRAGMA query_only = ON')
    } catch (error) {
      await connection.close()
      throw error
    }
    return connection
  }

  /** The prepared statement of a fixed text, kept for the life of the handle. Values are bound, never in the text. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }

  /** A statement that is not kept: for texts of endless variety. */
  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql)
  }

  /** Runs statements that only read. Each sees the newest committed state. */
  read<Result>(work: () => Result): Promise<Result> {
    return withinTimeout(this.path, this.#busyTimeoutMs, () => {
      this.#assertOpen()
      return work()
    })
  }

  /**
   * Runs work in a `BEGIN IMMEDIATE` transaction: all of it is durable when this resolves, none when it rejects. Works are
   * run in the order of their calls, and once more, each by itself, where one that shares the transaction fails.
   */
  write<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject, deadline: performance.now() + this.#busyTimeoutMs })
      if (!this.#isWriting) void this.#writeWaiting()
    })
  }

  /** Calls back after each transaction that was rolled back: what was remembered of it is not in the file. */
  onRollback(forget: () => void): void {
    this.#afterRollback.push(forget)
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true
    /** So many works each have a transaction of their own. */
    let alone = 0
    while (this.#waiting.length > 0) {
      await breathe() // whoever was resolved may bring the next work along
      const group = this.#waiting.slice(0, alone > 0 ? 1 : undefined)
      try {
        const results = this.#transact(group)
        for (const [at, { resolve }] of this.#waiting.splice(0, results.length).entries()) resolve(results[at])
      } catch (error) {
        if (primaryCodeOf(error) === BUSY) {
          this.#giveUp(error)
          await delay(1 + Math.random() * 20)
          continue
        }
        if (group.length > 1) {
          alone = group.length
          continue
        }
        this.#waiting.shift()!.reject(translate(error, this.path))
      }
      alone = Math.max(0, alone - 1)
    }
    this.#isWriting = false
  }

  /** One transaction; answers the results of the works that it took, from the first. */
  #transact(group: readonly Waiting[]): unknown[] {
    this.#assertOpen()
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const results: unknown[] = []
      const end = performance.now() + MAX_SHARED_MS
      for (const { work } of group) {
        results.push(work())
        if (performance.now() > end) break
      }
      this.#database.exec('COMMIT')
      return results
    } catch (error) {
      // Some errors, such as a full disk, have rolled back already.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      for (const forget of this.#afterRollback) forget()
      throw error
    }
  }

  /** Rejects those that have waited for another process's lock for too long. */
  #giveUp(error: unknown): void {
    const now = performance.now()
    for (const late of this.#waiting.filter(({ deadline }) => deadline <= now)) {
      this.#waiting.splice(this.#waiting.indexOf(late), 1)
      late.reject(translate(error, this.path))
    }
  }

  /** Closing again changes nothing. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#statements.clear()
    this.#database.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new AppError('STORE_UNAVAILABLE', `the store in ${this.path} is closed`)
  }

  async #upgrade({ name, steps, droppedIndexes = '' }: SqliteSchema): Promise<void> {
    if (await this.read(() => this.#schemaVersion(name) === steps.length)) return
    await this.write(() => {
      this.#database.exec('CREATE TABLE IF NOT EXISTS schemas (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT')
      const version = this.#schemaVersion(name)
      if (version > steps.length) {
        throw new AppError('STORE_REFUSED', `${this.path} was written by a newer release: ${name} ${version}`)
      }
      for (const step of steps.slice(version)) this.#database.exec(step)
      this.#database.prepare(
        'INSERT INTO schemas VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET version = excluded.version',
      ).run(name, steps.length)
      const dropped = this.#database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB ?`)
        .all(droppedIndexes) as { name: string }[]
      for (const index of dropped) this.#database.exec(`DROP INDEX "${index.name}"`)
    })
  }

  #schemaVersion(name: string): number {
    if (!this.#hasTable('schemas')) return 0
    return (this.#database.prepare('SELECT version FROM schemas WHERE name = ?').get(name)?.version ?? 0) as number
  }

  #hasTable(name: string): boolean {
    return this.#database.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined
  }
}

function configure(database: DatabaseSync, path: string): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
  if (mode !== 'wal' && mode !== 'memory') {
    throw new AppError('STORE_REFUSED', `${path} lies on a file system that several processes cannot share`)
  }
  database.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -65536;
    PRAGMA journal_size_limit = ${MAX_WAL_BYTES};
  `)
}

/** Repeats work that another process's lock keeps out. */
async function withinTimeout<Result>(path: string, busyTimeoutMs: number, work: () => Result): Promise<Result> {
  const deadline = performance.now() + busyTimeoutMs
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (primaryCodeOf(error) !== BUSY || performance.now() > deadline) throw translate(error, path)
    }
    await delay(1 + Math.random() * 20)
  }
}

/** SQLite's primary result code of a driver error: the low byte of the extended one. */
function primaryCodeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

function translate(error: unknown, path: string): unknown {
  if (error instanceof AppError) return error
  const { code: name, errstr } = error as { code?: string; errstr?: string }
  const code = CODES[primaryCodeOf(error) ?? 0] ?? (FILE_ERRORS.has(name ?? '') ? 'STORE_UNAVAILABLE' : undefined)
  return code ? new AppError(code, `${path}: ${errstr ?? name}`, { cause: error }) : error
}

/** Errors of making the folder. */
const FILE_ERRORS: ReadonlySet<string> = new Set(['EACCES', 'EEXIST', 'ENOSPC', 'ENOTDIR', 'EPERM', 'EROFS'])
