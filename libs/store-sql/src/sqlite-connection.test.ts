import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { SqliteConnection, type SqliteSchema } from './sqlite-connection.ts'

const SCHEMA: SqliteSchema = {
  name: 'tallies',
  steps: ['CREATE TABLE tallies (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT'],
}
const ADD = 'INSERT INTO tallies VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1'
const COUNT = 'SELECT count FROM tallies WHERE name = ?'

const folder = mkdtempSync(join(tmpdir(), 'sqlite-connection-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const newPath = () => join(folder, `${(files += 1)}`, 'deeper', 'tallies.db')

async function setup(options: Partial<Parameters<typeof SqliteConnection.open>[0]> = {}) {
  const stack = new AsyncDisposableStack()
  const path = options.path ?? newPath()
  const connection = await SqliteConnection.open({ path, schema: SCHEMA, ...options })
  stack.defer(() => connection.close())
  return {
    path, connection,
    add: () => connection.write(() => connection.statement(ADD).run('one')),
    count: () => connection.read(() => connection.statement(COUNT).get('one')?.count),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Starts another process that runs `body` with an open `connection`. */
function child(path: string, body: string) {
  const script = `
    import { SqliteConnection } from ${JSON.stringify(new URL('./sqlite-connection.ts', import.meta.url).href)}
    const connection = await SqliteConnection.open(${JSON.stringify({ path, schema: SCHEMA })})
    ${body}`
  return spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('processes that open a new file at once and write to it lose nothing', async () => {
  const path = newPath()
  const add = `
    for (let i = 0; i < 50; i += 1) {
      await connection.write(() => connection.statement(${JSON.stringify(ADD)}).run('one'))
    }
    await connection.close()`
  const exits = await Promise.all(Array.from({ length: 4 }, () => once(child(path, add), 'exit')))
  expect(exits.map(([code]) => code)).toEqual([0, 0, 0, 0])
  await using opened = await setup({ path })
  expect(await opened.count()).toBe(200)
})

test('a process killed inside a transaction leaves none of it, and its lock is free', async () => {
  await using opened = await setup()
  const killed = child(opened.path, `
    await connection.write(() => {
      connection.statement(${JSON.stringify(ADD)}).run('one')
      process.stdout.write('inside')
      for (;;) {}
    })`)
  await once(killed.stdout!, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  expect(await opened.count()).toBeUndefined()
  await opened.add()
  expect(await opened.count()).toBe(1)
})

test('a file is durable at every commit and checks foreign keys', async () => {
  await using opened = await setup()
  const pragma = (name: string) => opened.connection.read(() =>
    Object.values(opened.connection.statement(`PRAGMA ${name}`).get()!)[0])
  expect(await pragma('journal_mode')).toBe('wal')
  expect(await pragma('synchronous')).toBe(2) // FULL
  expect(await pragma('foreign_keys')).toBe(1)
})

test('work that throws leaves nothing', async () => {
  await using opened = await setup()
  await opened.add()
  await expect(opened.connection.write(() => {
    opened.connection.statement(ADD).run('one')
    throw new Error('no')
  })).rejects.toThrow('no')
  expect(await opened.count()).toBe(1)
  await opened.add()
  expect(await opened.count()).toBe(2)
})

test('works of one moment share a transaction, each with its own answer', async () => {
  await using opened = await setup()
  using other = new DatabaseSync(opened.path)
  const seen: unknown[] = []
  const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => opened.connection.write(() => {
    opened.connection.statement(ADD).run('one')
    seen.push(other.prepare(COUNT).get('one')?.count)
    return n
  })))
  expect(answers).toEqual([0, 1, 2, 3, 4])
  expect(seen).toEqual([undefined, undefined, undefined, undefined, undefined])
  expect(other.prepare(COUNT).get('one')?.count).toBe(5)
})

test('a work that fails takes none with it that shared its transaction, and is heard of by whoever remembers', async () => {
  await using opened = await setup()
  let remembered = 0
  let rollbacks = 0
  opened.connection.onRollback(() => {
    remembered = 0
    rollbacks += 1
  })
  const ends = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => opened.connection.write(() => {
    opened.connection.statement(ADD).run('one')
    remembered += 1
    if (n === 3) throw new Error('no')
    return n
  })))
  expect(ends.map((end) => (end.status === 'fulfilled' ? end.value : end.reason.message))).toEqual([0, 1, 2, 'no', 4, 5])
  expect(await opened.count()).toBe(5)
  expect(rollbacks).toBe(2) // of all together, and of the one alone
  expect(remembered).toBe(2) // 4 and 5, after it
  await opened.add()
  expect(await opened.count()).toBe(6)
})

test('a long work ends its transaction: others come to the lock', async () => {
  await using opened = await setup()
  using other = new DatabaseSync(opened.path)
  const seen: unknown[] = []
  await Promise.all([60, 0].map((ms) => opened.connection.write(() => {
    seen.push(other.prepare(COUNT).get('one')?.count)
    opened.connection.statement(ADD).run('one')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  })))
  expect(seen).toEqual([undefined, 1])
})

test('a write waits for a foreign lock without holding the thread, and gives up in the end', async () => {
  await using patient = await setup()
  await using hasty = await setup({ path: patient.path, busyTimeoutMs: 20 })
  using other = new DatabaseSync(patient.path)
  other.exec('BEGIN IMMEDIATE')
  const written = patient.add()
  // The lock can only be released because the thread came back here.
  await expect(hasty.add()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(await hasty.count()).toBeUndefined() // a lock keeps no reader out
  other.exec('COMMIT')
  await written
  expect(await hasty.count()).toBe(1)
})

test('a write has the lock before its first statement, so that what it reads cannot change under it', async () => {
  await using opened = await setup()
  using other = new DatabaseSync(opened.path)
  await opened.connection.write(() => {
    expect(() => other.exec('BEGIN IMMEDIATE')).toThrow('locked')
  })
  other.exec('BEGIN IMMEDIATE')
  other.exec('ROLLBACK')
})

test('a closed handle rejects with STORE_UNAVAILABLE, and closes again in peace', async () => {
  await using opened = await setup()
  await opened.connection.close()
  await opened.connection.close()
  await expect(opened.add()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(opened.count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('a reader that comes first makes the schema, and then cannot write', async () => {
  await using reader = await setup({ readOnly: true })
  await using writer = await setup({ path: reader.path })
  await writer.add()
  expect(await reader.count()).toBe(1)
  await expect(reader.add()).rejects.toThrow('readonly')
  expect(await writer.count()).toBe(1)
})

test('stores share a file, and each schema grows by the steps that it lacks', async () => {
  await using first = await setup()
  await first.add()
  const other = { name: 'other', steps: ['CREATE TABLE other (id TEXT)'] }
  await using second = await setup({ path: first.path, schema: other })
  const steps = [...SCHEMA.steps, 'ALTER TABLE tallies ADD COLUMN note TEXT']
  await first.connection.write(() => first.connection.statement('CREATE INDEX tallies_old ON tallies (count)').run())
  await using third = await setup({ path: first.path, schema: { name: 'tallies', steps } })
  await using fourth = await setup({ path: first.path, schema: { name: 'tallies', steps: [...steps, 'CREATE INDEX tallies_note ON tallies (note)'], droppedIndexes: 'tallies_o*' } })
  const names = await fourth.connection.read(() =>
    fourth.connection.statement(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name`).all())
  expect(names.map(({ name }) => name)).toEqual(['other', 'schemas', 'tallies', 'tallies_note'])
  expect(await third.count()).toBe(1)
  expect(await second.connection.read(() => 'open')).toBe('open')
  // The first release again, after the second one has upgraded the file.
  await expect(setup({ path: first.path })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
})

test('a path that cannot be used is told apart from a file that is no database', async () => {
  const path = join(folder, 'text')
  writeFileSync(path, 'this is a text file, and longer than the header of a database would be: '.repeat(20))
  await expect(setup({ path })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(setup({ path: join(path, 'below', 'x.db') })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(setup({ path: folder })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('a store in memory works like one in a file', async () => {
  await using opened = await setup({ path: ':memory:' })
  await opened.add()
  expect(await opened.count()).toBe(1)
})
