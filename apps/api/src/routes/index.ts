import type { Route } from '../http/define-route.ts'
import { deadLetters, purge, redrive } from './dead-letters/route.ts'
import { entity } from './entity/route.ts'
import { events } from './events/route.ts'
import { explain } from './explain/route.ts'
import { cancelJob, getJob, listJobs } from './jobs/route.ts'
import { deleteKey, listKeys, postKey } from './keys/route.ts'
import { ledger } from './ledger/route.ts'
import { parity } from './parity/route.ts'
import { queues } from './queues/route.ts'
import { reports } from './reports/route.ts'
import { session } from './session/route.ts'
import { listTenants, postTenant } from './tenants/route.ts'
import { timeSeries } from './time-series/route.ts'
import { topEntities } from './top-entities/route.ts'
import { listUsers, putUser } from './users/route.ts'

/** Every endpoint of the API, in the order of the documents. A new one is a folder and a line here. */
export const routes: readonly Route[] = [
  events, topEntities, timeSeries, entity, ledger, parity, reports, explain, queues, listJobs, getJob, cancelJob,
  deadLetters, redrive, purge, listKeys, postKey, deleteKey,
  listTenants, postTenant, session, listUsers, putUser,
]
