import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { MongoServerError } from 'mongodb'
import { databaseOf, MongoConnection } from './mongo-connection.ts'
import { isDuplicate, isRepeatable, translate } from './mongo-errors.ts'
import { MongoJournal } from './mongo-journal.ts'
import { MongoRollupStore } from './mongo-rollup-store.ts'

test('the path of the URL is the database', () => {
  expect(databaseOf('mongodb://127.0.0.1:27017')).toBe('tallyfleet')
  expect(databaseOf('mongodb://127.0.0.1:27017/')).toBe('tallyfleet')
  expect(databaseOf('mongodb://127.0.0.1:27017/?w=1')).toBe('tallyfleet')
  expect(databaseOf('mongodb://u:p%2F@a:1,b:2,c:3/fleet?replicaSet=x')).toBe('fleet')
  expect(databaseOf('mongodb+srv://u:p@cluster.example/my%20fleet')).toBe('my fleet')
})

test('a server that cannot be reached is STORE_UNAVAILABLE within its five seconds', async () => {
  const url = 'mongodb://127.0.0.1:9/'
  const started = performance.now()
  const attempts = [MongoJournal.open({ url }), MongoRollupStore.open({ url, actions: [] })]
  for (const attempt of await Promise.allSettled(attempts)) {
    const reason = { code: 'STORE_UNAVAILABLE', cause: { name: 'MongoServerSelectionError' } }
    expect(attempt).toMatchObject({ status: 'rejected', reason })
  }
  expect(performance.now() - started).toBeLessThan(8_000)
})

test('a malformed URL is CONFIG_INVALID and does not tell the password', async () => {
  for (const url of [
    'mongodb://', 'mongodb://u:hunter2@', 'mongodb://u:hunter2@h:1/?nonsense=1', 'mongodb://u:hun@ter2@h',
    'x://u:hunter2@h',
  ]) {
    const error = await MongoConnection.open({ url }).then(() => undefined, (reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(inspect(error)).not.toMatch(/hunter2|ter2/) // the causes too
  }
})

test('a duplicate is told by its code alone, whatever the message says', () => {
  expect(isDuplicate(new MongoServerError({ code: 11000, message: 'id taken' }))).toBe(true)
  expect(isDuplicate(new MongoServerError({ code: 1, message: 'E11000 duplicate key' }))).toBe(false)
  expect(isDuplicate(new Error('E11000 duplicate key'))).toBe(false)
})

test('what may succeed later is STORE_UNAVAILABLE, a mistake of ours passes as it is', () => {
  for (const code of [112, 189, 10107, 16908292]) {
    const cause = new MongoServerError({ code, message: 'not now' })
    expect(translate(cause)).toMatchObject({ code: 'STORE_UNAVAILABLE', cause })
  }
  const halfClosed = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
  expect(translate(halfClosed)).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: halfClosed })
  const mistake = new MongoServerError({ code: 9, message: 'failed to parse' })
  expect(translate(mistake)).toBe(mistake)
  expect(isRepeatable(new TypeError('x is undefined'))).toBe(false)
})

describeWithServer('mongo', 'a connection', (serverUrl) => {
  test('a URL cannot weaken what a write or a read promises', async () => {
    const url = new URL(serverUrl)
    url.pathname = `/${freshName('mongo')}`
    url.search = '?w=1&journal=false&readConcernLevel=local&readPreference=secondary'
    await using connection = await MongoConnection.open({ url: url.href })
    const { writeConcern, readConcern, readPreference } = connection.collection('any')
    expect(writeConcern).toMatchObject({ w: 'majority', journal: true })
    expect(readConcern).toMatchObject({ level: 'majority' })
    expect(readPreference).toMatchObject({ mode: 'primary' })
  })

  test('closing twice is fine', async () => {
    const connection = await MongoConnection.open({ url: serverUrl })
    await connection[Symbol.asyncDispose]()
    await connection[Symbol.asyncDispose]()
  })
})
