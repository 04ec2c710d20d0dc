import { telemetryStoreContract } from '@tallyfleet/contract-tests'
import { describeWithServer } from '@tallyfleet/testing'
import { SqlTelemetryStore } from './telemetry-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const openOn = (fresh: () => Promise<FreshDatabase>) => async () => {
  const { url } = await fresh()
  const again = () => SqlTelemetryStore.open({ url })
  return { store: await again(), again }
}

telemetryStoreContract('SqlTelemetryStore on SQLite', openOn(freshSqlite))

describeWithServer('mysql', 'MySQL', (server) => {
  telemetryStoreContract('SqlTelemetryStore on MySQL', openOn(() => freshMysql(server)))
})
