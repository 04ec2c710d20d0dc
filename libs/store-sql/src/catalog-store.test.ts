import { catalogStoreContract, type OpenCatalog } from '@tallyfleet/contract-tests'
import { describeWithServer } from '@tallyfleet/testing'
import { SqlCatalogStore } from './catalog-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const openOn = (fresh: () => Promise<FreshDatabase>): OpenCatalog => async ({ catalogs, statements }) => {
  const { url, execute } = await fresh()
  await execute(...statements)
  const again = () => SqlCatalogStore.open({ url, catalogs })
  return { store: await again(), again, execute }
}

catalogStoreContract('SqlCatalogStore on SQLite', openOn(freshSqlite))

describeWithServer('mysql', 'MySQL', (server) => {
  catalogStoreContract('SqlCatalogStore on MySQL', openOn(() => freshMysql(server)))
})
