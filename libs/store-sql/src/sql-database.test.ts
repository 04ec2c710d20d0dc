import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeWithServer } from '@tallyfleet/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { migrateSql } from './migrate-sql.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'
import { openSqlDatabase, query } from './sql-database.ts'

test('an address of another kind is CONFIG_INVALID', async () => {
  for (const url of ['', 'sqlite:', 'postgres://host/db', 'mysql://host', 'mysql://host/', 'nonsense']) {
    await expect(openSqlDatabase(url), url).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  }
})

test('a server that does not answer is STORE_UNAVAILABLE, without the password in the message', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const url = `mysql://me:secret@127.0.0.1:${port}/db`
  const refused = { code: 'STORE_UNAVAILABLE', message: expect.not.stringContaining('secret') }
  await expect(openSqlDatabase(url)).rejects.toMatchObject(refused)
  server.close()
  await once(server, 'close')
  await expect(openSqlDatabase(url)).rejects.toMatchObject(refused)
})

test('a file that cannot be used says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-sql-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  await expect(openSqlDatabase(`sqlite:${folder}`)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  const file = join(folder, 'text')
  writeFileSync(file, 'this is no database, although it is long enough to be looked at')
  await expect(openSqlDatabase(`sqlite:${file}`)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(openSqlDatabase(`sqlite:${join(file, 'below')}`)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

describe('on SQLite', () => {
  suite(freshSqlite)

  test('a writer waits for another handle of the same thread without stopping it', async () => {
    const { url } = await freshSqlite()
    await using one = await openSqlDatabase(url)
    await using two = await openSqlDatabase(url)
    await one.run((sql) => query(sql, 'CREATE TABLE t (n INTEGER)'))
    const order: string[] = []
    await Promise.all([
      one.transact(async (sql) => {
        await query(sql, 'INSERT INTO t VALUES (1)')
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
        order.push('one')
      }),
      new Promise(setImmediate)
        .then(() => two.run((sql) => query(sql, 'INSERT INTO t VALUES (2)')))
        .then(() => order.push('two')),
    ])
    expect(order).toEqual(['one', 'two'])
  })

  test('writes survive a power loss: WAL, synchronous FULL', async () => {
    await using database = await openSqlDatabase((await freshSqlite()).url)
    expect(await database.run((sql) => query(sql, 'PRAGMA journal_mode'))).toEqual([{ journal_mode: 'wal' }])
    expect(await database.run((sql) => query(sql, 'PRAGMA synchronous'))).toEqual([{ synchronous: 2 }])
  })
})

describeWithServer('mysql', 'on MySQL', (server) => {
  suite(() => freshMysql(server))

  test('a transaction that lost a deadlock runs again', async () => {
    await using database = await openSqlDatabase((await freshMysql(server)).url)
    await database.run((sql) => query(sql, 'CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)'))
    await database.run((sql) => query(sql, 'INSERT INTO t VALUES (1, 0), (2, 0)'))
    let runs = 0
    const first = Promise.withResolvers<void>()
    const both = (ids: number[]) => database.transact(async (sql) => {
      await query(sql, 'UPDATE t SET n = n + 1 WHERE id = ?', [ids[0]!])
      if (++runs === 2) first.resolve() // each holds one row now and wants the other's
      await first.promise
      await query(sql, 'UPDATE t SET n = n + 1 WHERE id = ?', [ids[1]!])
    })
    await Promise.all([both([1, 2]), both([2, 1])])
    expect(runs).toBe(3)
    expect(await database.run((sql) => query(sql, 'SELECT n FROM t'))).toEqual([{ n: 2 }, { n: 2 }])
  })

  test('values are quoted whatever mode the server has', async () => {
    await using database = await openSqlDatabase((await freshMysql(server)).url)
    const [mode] = await database.run((sql) => query<{ mode: string }>(sql, 'SELECT @@sql_mode AS mode'))
    expect(mode!.mode).toContain('STRICT_TRANS_TABLES')
    expect(mode!.mode).not.toMatch(/NO_BACKSLASH_ESCAPES|ANSI_QUOTES/)
    const text = `\\' OR 1=1 -- "\`?`
    expect(await database.run((sql) => query(sql, 'SELECT ? AS text', [text]))).toEqual([{ text }])
  })
})

function suite(fresh: () => Promise<FreshDatabase>): void {
  test('migrating again, at once from several handles, changes nothing', async () => {
    const { url, execute } = await fresh()
    await using handles = new AsyncDisposableStack()
    const databases = await Promise.all(Array.from({ length: 4 }, () => openSqlDatabase(url)))
    for (const database of databases) handles.use(database)
    await Promise.all(databases.map(migrateSql))
    await execute('INSERT INTO catalog_marks VALUES (1, 2)')
    // As after a crash between the change and the note that it was made.
    await execute(`DELETE FROM fleet_migrations WHERE name >= '0002'`)
    await Promise.all(databases.map(migrateSql))
    const [row] = await databases[0]!.run((sql) => query<{ seq: number }>(sql, 'SELECT seq FROM catalog_marks'))
    expect(row).toEqual({ seq: 2 })
  })

  test('a database of a newer release is refused', async () => {
    const { url, execute } = await fresh()
    await using database = await openSqlDatabase(url)
    await migrateSql(database)
    await execute(`INSERT INTO fleet_migrations (name, timestamp) VALUES ('9999-future', '2030-01-01T00:00:00Z')`)
    await expect(migrateSql(database)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  })

  test('a transaction that fails leaves nothing, and the next one works', async () => {
    await using database = await openSqlDatabase((await fresh()).url)
    await database.run((sql) => query(sql, 'CREATE TABLE t (n INTEGER PRIMARY KEY)'))
    await expect(database.transact(async (sql) => {
      await query(sql, 'INSERT INTO t VALUES (1)')
      throw new Error('stop')
    })).rejects.toThrow('stop')
    await database.transact((sql) => query(sql, 'INSERT INTO t VALUES (2)'))
    expect(await database.run((sql) => query(sql, 'SELECT n FROM t'))).toEqual([{ n: 2 }])
  })
}
