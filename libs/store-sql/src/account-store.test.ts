import { accountStoreContract } from '@tallyfleet/contract-tests'
import { describeWithServer } from '@tallyfleet/testing'
import { SqlAccountStore } from './account-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const openOn = (fresh: () => Promise<FreshDatabase>) => async () => {
  const { url } = await fresh()
  const again = () => SqlAccountStore.open({ url })
  return { store: await again(), again }
}

accountStoreContract('SqlAccountStore on SQLite', openOn(freshSqlite))

describeWithServer('mysql', 'MySQL', (server) => {
  accountStoreContract('SqlAccountStore on MySQL', openOn(() => freshMysql(server)))
})
