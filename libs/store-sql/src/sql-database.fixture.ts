import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshName } from '@tallyfleet/testing'
import { createConnection } from 'mysql2/promise'
import { onTestFinished } from 'vitest'
import { openSqlDatabase, query } from './sql-database.ts'

export type FreshDatabase = {
  url: string
  /** Runs plain SQL on a connection of its own. */
  execute: (...statements: readonly string[]) => Promise<void>
}

/** A SQLite file that goes when the test ends. */
export async function freshSqlite(): Promise<FreshDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'store-sql-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return databaseAt(`sqlite:${join(folder, 'catalog.db')}`)
}

/** A database of its own on a server, dropped when the test ends. */
export async function freshMysql(server: string): Promise<FreshDatabase> {
  const name = freshName('store_sql')
  const onServer = async (statement: string) => {
    const connection = await createConnection(server)
    await connection.query(statement)
    await connection.end()
  }
  await onServer(`CREATE DATABASE ${name}`)
  onTestFinished(() => onServer(`DROP DATABASE ${name}`))
  return databaseAt(Object.assign(new URL(server), { pathname: `/${name}` }).href)
}

function databaseAt(url: string): FreshDatabase {
  return {
    url,
    async execute(...statements) {
      await using database = await openSqlDatabase(url)
      for (const statement of statements) await database.run((sql) => query(sql, statement))
    },
  }
}
