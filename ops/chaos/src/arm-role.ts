import { jobs } from '@tallyfleet/jobs'
import type { JobDefinition } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'
import { SqlCatalogStore, SqliteJournal, SqliteRollupStore, SqliteSegmentStore } from '@tallyfleet/store-sql'
import { armPorts } from './arm-ports.ts'
import { suffer, watchDatabases } from './faults.ts'
import type { RoleOrder } from './role.ts'
import { createTraps } from './traps.ts'

/**
 * Loaded before the program of a role (`node --import`): puts the kill points into the ports that it is going to use.
 * The program itself runs as it is.
 */
const env = process.env
watchDatabases()
const traps = createTraps()
const mongo = env['ROLLUPS_URL']?.startsWith('mongo') ? await import('@tallyfleet/store-mongo') : undefined
const search = env['SEGMENTS_URL']?.startsWith('http') ? await import('@tallyfleet/store-search') : undefined
armPorts({
  hot: RedisHotStore.prototype,
  rollups: (mongo?.MongoRollupStore ?? SqliteRollupStore).prototype,
  journal: (mongo?.MongoJournal ?? SqliteJournal).prototype,
  catalog: SqlCatalogStore.prototype,
  segments: (search?.SearchSegmentStore ?? SqliteSegmentStore).prototype,
}, traps, { breaks: undefined, redisUrl: env['REDIS_URL']! })

// A later release: the same program, whose jobs carry payloads of a version that the release before does not know.
const later = Number(env['CHAOS_RELEASE'])
if (later > 0) {
  const bump = (job: JobDefinition<any>) => ({ ...job, version: job.version + later })
  const { processors } = await import('@tallyfleet/jobs/processors')
  for (const [at, job] of jobs.entries()) (jobs as JobDefinition<any>[])[at] = bump(job)
  for (const processor of processors) processor.definition = bump(processor.definition)
}

process.on('message', ({ chaos }: { chaos?: RoleOrder }) => {
  if (chaos?.do === 'trap') traps.set(chaos.trap)
  else if (chaos?.do === 'suffer') suffer(chaos.told)
})
