import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { appendAudit, checkShards, describeContradictions } from '@tallyfleet/features'
import { jobs } from '@tallyfleet/jobs'
import { systemClock, type HotStore } from '@tallyfleet/ports'
import { openQueueAdmin } from '@tallyfleet/queue'
import { listLogs, LoggedHotStore } from '@tallyfleet/store-log'
import type { StoresConfig } from '@tallyfleet/stores'
import { openAll, openDurable, ROOT, storesConfigOf, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

export async function listQueues(env: Environment): Promise<CommandResult> {
  await using admin = await openAdmin(env)
  const queues = await admin.listQueues()
  return {
    data: queues,
    text: table(['queue', 'state', 'waiting', 'active', 'delayed', 'failed', 'workers', 'desired'], queues.map(({ queue, paused, stuck, counts, ...rest }) =>
      [queue, paused ? 'paused' : stuck ? 'stuck' : 'running', counts.waiting + counts.prioritized, counts.active, counts.delayed, counts.failed,
        rest.workers, rest.desiredReplicas])),
  }
}

export type QueueAct = 'pause' | 'resume' | 'retry' | 'drain'

/** Acts on one queue and notes it in the audit log. */
export async function actOnQueue(env: Environment, act: QueueAct, queue: string, { yes }: { yes: boolean }): Promise<CommandResult> {
  if (act === 'drain' && !yes) throw new AppError('USAGE_INVALID', `drain deletes every waiting job of ${queue}: say --yes`)
  await using stores = await openDurable(env)
  await using admin = await openAdmin(env)
  const jobs = act === 'pause' ? await admin.pause(queue) : act === 'resume' ? await admin.resume(queue)
    : act === 'retry' ? await admin.retryFailed(queue) : await admin.drain(queue)
  await appendAudit({ actor: 'cli', action: `queue.${act}`, target: queue, detail: { jobs: jobs ?? null }, outcome: 'ok' }, { ...stores, clock: systemClock })
  return { data: { queue, act, jobs: jobs ?? null }, text: `${queue}: ${act} done${jobs === undefined ? '' : `, ${jobs} jobs`}` }
}

export async function openAdmin(env: Environment) {
  const url = storesConfigOf(env).REDIS_URL
  if (!url) throw new AppError('STORE_UNAVAILABLE', 'no redis: start the fleet with ./fleet up, or set REDIS_URL')
  return await openQueueAdmin({ url, jobs })
}

type Finding = { check: string; state: 'ok' | 'warning' | 'bad'; detail: string }

/** Says what is set up wrong or has stopped, and what can be done. Exit 3 when something is bad. */
export async function doctor(env: Environment): Promise<CommandResult> {
  await using stores = await openAll(env)
  const server = await stores.hot.serverStatus()
  const findings: Finding[] = [
    { check: 'node', state: 'ok', detail: process.version },
    { check: 'redis', state: 'ok', detail: `${server.version}, maxmemory-policy ${server.maxmemoryPolicy}` },
    server.appendOnly ? { check: 'redis log', state: 'ok', detail: 'append-only file on' }
      : { check: 'redis log', state: 'warning', detail: 'append-only file off: a restart of redis loses acknowledged events; set appendonly yes' },
    server.canWaitForDisk ? { check: 'redis WAITAOF', state: 'ok', detail: 'available' }
      : { check: 'redis WAITAOF', state: 'ok', detail: 'missing before 7.2: each flush watches the log instead, for a second or two' },
  ]
  if (server.refusal) findings.push({ check: 'ingest', state: 'bad', detail: server.refusal })
  const check = await checkShards(stores)
  const problem = describeContradictions(check)
  findings.push(problem ? { check: 'shards', state: 'bad', detail: `${problem}. ${CHOICES}` } : { check: 'shards', state: 'ok', detail: 'redis and rollups agree' })
  for (const { shard, stopped } of check.shards) {
    if (stopped && !check.contradictions.has(shard)) findings.push({ check: `shard ${shard}`, state: 'bad', detail: `stopped: ${stopped}. ${CHOICES}` })
  }
  findings.push(...await logFindings(stores.hot, storesConfigOf(env)))
  const open = check.shards.flatMap((shard) => shard.open ?? [])
  const oldest = Math.max(0, ...open.map(({ frozenAt }) => Date.now() - frozenAt.getTime()))
  findings.push({ check: 'open batches', state: oldest > 300_000 ? 'warning' : 'ok', detail: `${open.length}, oldest ${Math.round(oldest / 1_000)} s` })
  await using admin = await openAdmin(env)
  const stuck = (await admin.listQueues()).filter((queue) => queue.stuck)
  findings.push(stuck.length === 0 ? { check: 'workers', state: 'ok', detail: 'nothing lies there that nobody takes' } : {
    check: 'workers', state: 'warning', detail: `nobody works on what lies in ${stuck.map(({ queue }) => queue).join(', ')}`,
  })
  const bad = findings.some(({ state }) => state === 'bad')
  return {
    data: { findings, stopped: check.shards.filter(({ stopped }) => stopped).map(({ shard }) => shard) },
    exit: bad ? EXIT.difference : EXIT.ok,
    text: findings.map(({ check: name, state, detail }) => `${state.padEnd(8)}${name}: ${detail}`).join('\n'),
  }
}

/** What the 202 promises here, and whether Redis holds what the ingest logs do. */
async function logFindings(hot: HotStore, { INGEST_DURABILITY, FLEET_HOME }: StoresConfig): Promise<Finding[]> {
  const findings: Finding[] = [{ check: 'durability', state: 'ok', detail: INGEST_DURABILITY }]
  const damaged = (await listLogs(FLEET_HOME)).filter(({ fault }) => fault !== undefined)
  for (const { folder, fault } of damaged) findings.push({ check: `ingest log ${folder}`, state: 'bad', detail: fault! })
  if (!(hot instanceof LoggedHotStore) || damaged.length > 0) return findings
  let lacking = await hot.countLacking()
  if (lacking.lost + lacking.behind > 0) {
    await sleep(1_000) // what was on its way has arrived by then
    lacking = await hot.countLacking()
  }
  const { lost, behind } = lacking
  findings.push(lost + behind === 0 ? { check: 'ingest logs', state: 'ok', detail: 'redis holds all of them' } : {
    check: 'ingest logs', state: 'warning',
    detail: `a rebuild is due: redis lost ${lost} shards and lacks records of ${behind}. A running api does it by itself; without one: fleet log rebuild`,
  })
  return findings
}

const CHOICES = 'Nothing was guessed. Either restore the state of Redis that belongs to these rollups, or restore the rollups, '
  + 'catalog and segments that belong to this Redis, then run: fleet doctor --resume. With INGEST_DURABILITY=log-first '
  + 'fleet log rebuild --stopped makes Redis again from rollups and logs'

/** Lets stopped shards go on whose stores agree again. The others stay stopped. */
export async function resumeShards(env: Environment): Promise<CommandResult> {
  await using stores = await openAll(env)
  const { shards, contradictions } = await checkShards(stores)
  const stopped = shards.filter((shard) => shard.stopped !== undefined)
  const resumable = stopped.filter(({ shard }) => !contradictions.has(shard))
  for (const { shard } of resumable) await stores.hot.resumeShard(shard)
  const left = stopped.length - resumable.length
  return {
    data: { resumed: resumable.map(({ shard }) => shard), stopped: left }, exit: left > 0 ? EXIT.partly : EXIT.ok,
    text: `${resumable.length} shards go on, ${left} stay stopped`,
  }
}

/** Brings every store's schema up to date; opening one does it. */
export async function migrateUp(env: Environment): Promise<CommandResult> {
  await using stores = await openDurable(env)
  stores satisfies AsyncDisposable
  return { data: { stores: ['rollups', 'catalog', 'segments'] }, text: 'rollups, catalog and segments are up to date' }
}

/** The checked-in OpenAPI document, which a test holds equal to the routes. */
export async function exportOpenApi(): Promise<CommandResult> {
  const file = join(ROOT, 'openapi.json')
  if (!existsSync(file)) throw new AppError('BUG', 'openapi.json is missing from the checkout')
  const text = readFileSync(file, 'utf8')
  return { data: JSON.parse(text), text: text.trimEnd() }
}
