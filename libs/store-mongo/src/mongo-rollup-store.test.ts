import { afterEach } from 'vitest'
import { CONTRACT_ACTIONS, rollupStoreContract } from '@tallyfleet/contract-tests'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { MongoRollupStore } from './mongo-rollup-store.ts'
import { openTestDatabase, type TestDatabase } from './test-database.ts'

describeWithServer('mongo', 'MongoRollupStore', (serverUrl) => {
  let database: TestDatabase | undefined
  afterEach(async () => { await database?.[Symbol.asyncDispose]() })

  rollupStoreContract('mongo', async () => {
    const { url } = (database = await openTestDatabase(serverUrl, freshName('mongo')))
    const open = () => MongoRollupStore.open({ url, actions: CONTRACT_ACTIONS })
    return { store: await open(), again: open }
  })
})
