import type { RecordsOf, RecordStore } from '@tallyfleet/ports'

/** `broken`: a load ended early. `loadedAt`: up to when there is traffic; null until a load has come to its end. */
export type DemoState = { state: 'loading' | 'loaded' | 'broken'; startedAt: string; loadedAt: string | null }

const recordsOf = (tenant: string): RecordsOf => ({ tenant, kind: 'demo' })
const ID = 'films'

/** Whether demo data was put into a tenant; undefined: never. */
export async function findDemoState(tenant: string, { records }: { records: RecordStore }): Promise<DemoState | undefined> {
  return (await records.find(recordsOf(tenant), ID))?.body as DemoState | undefined
}

export async function putDemoState(tenant: string, state: DemoState, { records }: { records: RecordStore }): Promise<void> {
  await records.put(recordsOf(tenant), { id: ID, owner: 'demo', body: state }, new Date(state.startedAt))
}
