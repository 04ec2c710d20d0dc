import { isDeepStrictEqual } from 'node:util'
import { AppError } from '@tallyfleet/domain'
import type { Journal, JournalRange, JournalRecord } from '@tallyfleet/ports'
import { SqliteConnection, type SqliteSchema } from './sqlite-connection.ts'

const MAX_BODY_BYTES = 1_048_576

const SCHEMA: SqliteSchema = {
  name: 'journal',
  steps: [`
    CREATE TABLE journal (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (kind, id)
    ) STRICT;
  `],
}

/** The journal in a SQLite file; the rollups may lie in the same one. */
export class SqliteJournal implements Journal {
  readonly #connection: SqliteConnection

  private constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  static async open({ path }: { path: string }): Promise<SqliteJournal> {
    return new SqliteJournal(await SqliteConnection.open({ path, schema: SCHEMA }))
  }

  async claim(kind: string, id: string, body: unknown): Promise<boolean> {
    const text = textOf(body)
    return this.#connection.write(() => this.#connection
      .statement('INSERT INTO journal (kind, id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
      .run(kind, id, text).changes === 1)
  }

  async put(kind: string, id: string, body: unknown): Promise<void> {
    const text = textOf(body)
    await this.#connection.write(() => this.#connection
      .statement('INSERT INTO journal (kind, id, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body')
      .run(kind, id, text))
  }

  async swap(kind: string, id: string, expected: unknown, body: unknown): Promise<boolean> {
    const text = textOf(body), wanted: unknown = JSON.parse(textOf(expected))
    return this.#connection.write(() => {
      const row = this.#connection.statement('SELECT body FROM journal WHERE kind = ? AND id = ?').get(kind, id)
      if (!row || !isDeepStrictEqual(JSON.parse(row.body as string), wanted)) return false
      this.#connection.statement('UPDATE journal SET body = ? WHERE kind = ? AND id = ?').run(text, kind, id)
      return true
    })
  }

  find(kind: string, id: string): Promise<unknown> {
    return this.#connection.read(() => {
      const row = this.#connection.statement('SELECT body FROM journal WHERE kind = ? AND id = ?').get(kind, id)
      return row && JSON.parse(row.body as string)
    })
  }

  list(kind: string, { from = '', to, limit, descending = false }: JournalRange): Promise<JournalRecord[]> {
    const sql = `
      SELECT id, body FROM journal WHERE kind = :kind AND id >= :from ${to === undefined ? '' : 'AND id < :to'}
      ORDER BY id ${descending ? 'DESC' : 'ASC'} LIMIT :limit`
    return this.#connection.read(() => this.#connection.statement(sql)
      .all({ kind, from, limit, ...(to === undefined ? {} : { to }) })
      .map(({ id, body }) => ({ id: id as string, body: JSON.parse(body as string) })))
  }

  listKinds(): Promise<string[]> {
    return this.#connection.read(() => this.#connection.statement('SELECT DISTINCT kind FROM journal ORDER BY kind')
      .all().map(({ kind }) => kind as string))
  }

  deleteBefore(kind: string, before: string, from = ''): Promise<number> {
    return this.#connection.write(() => Number(this.#connection
      .statement('DELETE FROM journal WHERE kind = ? AND id >= ? AND id < ?').run(kind, from, before).changes))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
  }
}

function textOf(body: unknown): string {
  const text = JSON.stringify(body ?? null)
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) {
    throw new AppError('FIELD_INVALID', `a journal body is larger than ${MAX_BODY_BYTES} bytes`)
  }
  return text
}
