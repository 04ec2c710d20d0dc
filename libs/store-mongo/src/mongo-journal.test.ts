import { afterEach } from 'vitest'
import { journalContract } from '@tallyfleet/contract-tests'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { MongoJournal } from './mongo-journal.ts'
import { openTestDatabase, type TestDatabase } from './test-database.ts'

describeWithServer('mongo', 'MongoJournal', (serverUrl) => {
  let database: TestDatabase | undefined
  afterEach(async () => { await database?.[Symbol.asyncDispose]() })

  journalContract('mongo', async () => {
    const { url } = (database = await openTestDatabase(serverUrl, freshName('mongo')))
    return { store: await MongoJournal.open({ url }), again: () => MongoJournal.open({ url }) }
  })
})
