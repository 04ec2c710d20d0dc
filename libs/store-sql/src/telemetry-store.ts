import type {
  GroupJobEvents, JobEvent, JobEventGroup, JobEventPart, JobEventRange, TelemetryStore,
} from '@tallyfleet/ports'
import { CompiledQuery } from 'kysely'
import { chunks } from './mapped-table.ts'
import { migrateSql } from './migrate-sql.ts'
import { openSqlDatabase, query, tuples, type SqlDatabase, type SqlValue } from './sql-database.ts'

/** Keeps one transaction of SQLite below 50 ms: the file has one write lock. */
const ROWS = 250
const DELETED_AT_ONCE = 1_000
const MOST_GROUPS = 20_000

type Row = Record<string, string | number | null>

/** Events of jobs in SQLite, MySQL or MariaDB: in the catalog's database. */
export class SqlTelemetryStore implements TelemetryStore {
  readonly #database: SqlDatabase

  private constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Opens the database and migrates it. */
  static async open({ url }: { url: string }): Promise<SqlTelemetryStore> {
    const database = await openSqlDatabase(url)
    try {
      await migrateSql(database)
    } catch (error) {
      await database[Symbol.asyncDispose]()
      throw error
    }
    return new SqlTelemetryStore(database)
  }

  async append(events: readonly JobEvent[]): Promise<number> {
    let appended = 0
    const ignoring = this.#database.engine === 'mysql' ? 'INSERT IGNORE' : 'INSERT OR IGNORE'
    for (const part of chunks(events, ROWS)) {
      const text = `${ignoring} INTO fleet_job_events
        (tenant, source, id, type, queue, job, job_id, at, duration_ms, attempt, worker, reason)
        VALUES ${tuples(part.length, 12)}`
      const values = part.flatMap((event): SqlValue[] => [
        event.tenant, event.source, event.id, event.type, event.queue, event.job, event.jobId ?? null,
        event.at.getTime(), event.durationMs ?? null, event.attempt ?? null, event.worker ?? null, event.reason ?? null,
      ])
      const { numAffectedRows = 0n } = await this.#database.run((sql) => sql.executeQuery(CompiledQuery.raw(text, values)))
      appended += Number(numAffectedRows)
    }
    return appended
  }

  async summarize(
    range: JobEventRange, group: GroupJobEvents,
  ): Promise<(JobEventGroup & { count: number; firstAt: Date; lastAt: Date })[]> {
    const where = whereOf(range)
    const rows = await this.#database.run((sql) => query<Row>(sql, `
      SELECT ${[...namesOf(group), 'COUNT(*) AS events', 'MIN(at) AS first_at', 'MAX(at) AS last_at'].join(', ')}
      FROM fleet_job_events WHERE ${where.sql} ${groupingOf(group)} ORDER BY events DESC LIMIT ${MOST_GROUPS}`, where.values))
    // Without groups SQL counts nothing as one row.
    return rows.filter(({ events }) => Number(events) > 0).map((row) => ({
      ...groupOf(row, group), count: Number(row['events']),
      firstAt: new Date(Number(row['first_at'])), lastAt: new Date(Number(row['last_at'])),
    }))
  }

  async listPercentiles(
    range: JobEventRange, group: GroupJobEvents,
  ): Promise<(JobEventGroup & { p50Ms: number; p95Ms: number })[]> {
    const where = whereOf(range)
    const parts = aliasesOf(group)
    const partition = parts.length > 0 ? `PARTITION BY ${expressionsOf(group).join(', ')}` : ''
    const at = (percent: number) => // the place whose rank is the first to reach the percentage
      `MAX(CASE WHEN place * 100 >= ${percent} * size AND (place - 1) * 100 < ${percent} * size THEN duration_ms END)`
    const rows = await this.#database.run((sql) => query<Row>(sql, `
      SELECT ${[...parts, `${at(50)} AS p50`, `${at(95)} AS p95`].join(', ')} FROM (
        SELECT ${[...namesOf(group), 'duration_ms',
          `ROW_NUMBER() OVER (${partition} ORDER BY duration_ms) AS place`, `COUNT(*) OVER (${partition}) AS size`].join(', ')}
        FROM fleet_job_events WHERE ${where.sql} AND duration_ms IS NOT NULL
      ) ranked ${parts.length > 0 ? `GROUP BY ${parts.join(', ')}` : ''} LIMIT ${MOST_GROUPS}`, where.values))
    return rows.filter(({ p50 }) => p50 !== null).map((row) => ({
      ...groupOf(row, group), p50Ms: Number(row['p50']), p95Ms: Number(row['p95']),
    }))
  }

  async deleteBefore(at: Date): Promise<number> {
    let deleted = 0
    const text = this.#database.engine === 'mysql'
      ? `DELETE FROM fleet_job_events WHERE at < ? ORDER BY at LIMIT ${DELETED_AT_ONCE}`
      : `DELETE FROM fleet_job_events WHERE rowid IN (
           SELECT rowid FROM fleet_job_events WHERE at < ? LIMIT ${DELETED_AT_ONCE})`
    for (;;) {
      const { numAffectedRows = 0n } = await this.#database.run((sql) =>
        sql.executeQuery(CompiledQuery.raw(text, [at.getTime()])))
      deleted += Number(numAffectedRows)
      if (numAffectedRows < DELETED_AT_ONCE) return deleted
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }
}

function whereOf({ tenants, from, to, source, queue, types }: JobEventRange): { sql: string; values: SqlValue[] } {
  return {
    sql: [`tenant IN ${tuples(1, tenants.length)} AND at >= ? AND at < ?`, ...(source ? ['source = ?'] : []), ...(queue !== undefined ? ['queue = ?'] : []),
      ...(types ? [`type IN ${tuples(1, types.length)}`] : [])].join(' AND '),
    values: [...tenants, from.getTime(), to.getTime(), ...(source ? [source] : []), ...(queue !== undefined ? [queue] : []),
      ...(types ?? [])],
  }
}

/** The columns of a group: names are constants, the span is a number. */
function expressionsOf({ by, bucketMs }: GroupJobEvents): string[] {
  return [...by, ...(bucketMs === undefined ? [] : [`(at - at % ${Math.trunc(bucketMs)})`])]
}

/** What they are called: never as a column is, which a GROUP BY would take instead. */
function aliasesOf({ by, bucketMs }: GroupJobEvents): string[] {
  return [...by.map((part) => `g_${part}`), ...(bucketMs === undefined ? [] : ['g_bucket'])]
}

function namesOf(group: GroupJobEvents): string[] {
  const aliases = aliasesOf(group)
  return expressionsOf(group).map((expression, at) => `${expression} AS ${aliases[at]}`)
}

function groupingOf(group: GroupJobEvents): string {
  const expressions = expressionsOf(group)
  return expressions.length > 0 ? `GROUP BY ${expressions.join(', ')}` : ''
}

function groupOf(row: Row, { by, bucketMs }: GroupJobEvents): JobEventGroup {
  const parts = Object.fromEntries(by.map((part: JobEventPart) => [part, row[`g_${part}`]])) as JobEventGroup
  return bucketMs === undefined ? parts : { ...parts, bucketAt: new Date(Number(row['g_bucket'])) }
}
