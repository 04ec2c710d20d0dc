import { RETENTION, RETENTION_KINDS, type RetentionKind } from '@tallyfleet/domain'
import type { Clock, RecordStore } from '@tallyfleet/ports'
import { FLEET_TENANT } from '../telemetry/job-event-recorder.ts'

/** How long records are kept, in days. */
export type RetentionDays = Record<RetentionKind, number>

/** Days by kind; null goes back to what the product comes with, and what is absent stays. */
export type RetentionChange = Partial<Record<RetentionKind, number | null>>

const KEPT = { tenant: FLEET_TENANT, kind: 'retention' }
const ID = 'days'

/** What the installation keeps for how long, and which of it somebody has set. */
export async function readRetention({ records }: { records: RecordStore }): Promise<{ days: RetentionDays; set: ReadonlySet<RetentionKind> }> {
  const told = await readSettings(records)
  const days = Object.fromEntries(RETENTION_KINDS.map((kind) => [kind, told[kind] ?? RETENTION[kind].days])) as RetentionDays
  return { days, set: new Set(RETENTION_KINDS.filter((kind) => told[kind] !== undefined)) }
}

/** Sets days for the next run of the job that deletes: what it has deleted does not come back. */
export async function putRetention(
  change: RetentionChange, owner: string, { records, clock }: { records: RecordStore; clock: Clock },
): Promise<void> {
  const settings = await readSettings(records)
  for (const kind of RETENTION_KINDS) {
    const days = change[kind]
    if (days === null) delete settings[kind]
    else if (days !== undefined) settings[kind] = days
  }
  await records.put(KEPT, { id: ID, owner, body: settings }, clock.now())
}

async function readSettings(records: RecordStore): Promise<Partial<RetentionDays>> {
  return { ...(await records.find(KEPT, ID))?.body as Partial<RetentionDays> | undefined }
}
