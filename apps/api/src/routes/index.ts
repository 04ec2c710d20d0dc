import type { Route } from '../http/define-route.ts'
import { deleteAnnotation, listAllAnnotations, postAnnotation, putAnnotation } from './annotations/route.ts'
import { audit } from './audit/route.ts'
import { catalogIssues, deleteWontFix, postWontFix } from './catalog-issues/route.ts'
import { catalogQuality } from './catalog-quality/route.ts'
import { comparedEntities } from './compared-entities/route.ts'
import { deadLetters, purge, redrive } from './dead-letters/route.ts'
import { postDemo, readDemo } from './demo/route.ts'
import { dimensions, dimensionTop } from './dimensions/route.ts'
import { distributions } from './distributions/route.ts'
import { entity } from './entity/route.ts'
import { events } from './events/route.ts'
import { explain } from './explain/route.ts'
import { jobRules, putJobRule } from './job-rules/route.ts'
import { cancelJob, getJob, listJobs } from './jobs/route.ts'
import { deleteKey, listKeys, postKey, rotateKeyRoute } from './keys/route.ts'
import { ledger } from './ledger/route.ts'
import { liveSnapshot, postTicket } from './live/route.ts'
import { movers } from './movers/route.ts'
import { overview } from './overview/route.ts'
import { parity, startParity } from './parity/route.ts'
import { queues } from './queues/route.ts'
import { relatedEntities } from './related-entities/route.ts'
import { reports } from './reports/route.ts'
import { changeRetention, retention } from './retention/route.ts'
import {
  deleteSegmentRoute, postSegment, previewSegment, putSegmentRoute, segment, segmentDimensions, segmentMembers, segments,
  segmentSize,
} from './segments/route.ts'
import { session } from './session/route.ts'
import { suggestions } from './suggestions/route.ts'
import {
  recordTelemetry, telemetryAlerts, telemetryJobs, telemetryKpis, telemetrySchedules, telemetryWorkers,
} from './telemetry/route.ts'
import { listTenants, postTenant } from './tenants/route.ts'
import { timeSeries } from './time-series/route.ts'
import { topEntities } from './top-entities/route.ts'
import { trends } from './trends/route.ts'
import { listUsers, putUser } from './users/route.ts'
import { deleteView, listViews, postView, putView } from './views/route.ts'

/** Every endpoint of the API, in the order of the documents. A new one is a folder and a line here. */
export const routes: readonly Route[] = [
  events, overview, topEntities, movers, comparedEntities, timeSeries, trends, entity, relatedEntities, distributions,
  dimensions, dimensionTop, suggestions, listAllAnnotations, postAnnotation, putAnnotation, deleteAnnotation, listViews,
  postView, putView, deleteView,
  ledger, parity, startParity, reports, explain, queues, listJobs, getJob, cancelJob, jobRules, putJobRule,
  deadLetters, redrive, purge, listKeys, postKey, rotateKeyRoute, deleteKey, retention, changeRetention, audit,
  listTenants, postTenant, session, listUsers, putUser, readDemo, postDemo,
  segmentDimensions, previewSegment, segments, postSegment, segment, putSegmentRoute, deleteSegmentRoute, segmentSize,
  segmentMembers, catalogQuality, catalogIssues, postWontFix, deleteWontFix,
  liveSnapshot, postTicket,
  recordTelemetry, telemetryJobs, telemetryAlerts, telemetryWorkers, telemetrySchedules, telemetryKpis,
]
