import { recordStoreContract } from '@tallyfleet/contract-tests'
import { describeWithServer } from '@tallyfleet/testing'
import { SqlRecordStore } from './record-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const openOn = (fresh: () => Promise<FreshDatabase>) => async () => {
  const { url } = await fresh()
  const again = () => SqlRecordStore.open({ url })
  return { store: await again(), again }
}

recordStoreContract('SqlRecordStore on SQLite', openOn(freshSqlite))

describeWithServer('mysql', 'MySQL', (server) => {
  recordStoreContract('SqlRecordStore on MySQL', openOn(() => freshMysql(server)))
})
