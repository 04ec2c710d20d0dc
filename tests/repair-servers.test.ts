import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ALL_SHARDS, shardOf } from '@tallyfleet/domain'
import {
  checkParity, explainNumber, flushShards, readLedger, recordEvents, repairStores, syncCatalog, syncSegments,
} from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { freshName, startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { MongoClient } from 'mongodb'
import { createConnection } from 'mysql2/promise'
import { expect, test } from 'vitest'
import { cleanEnv, newHome, ROOT } from './fleet-process.ts'
import { storesOnServers } from './stores-on-servers.ts'

const SLOW = { timeout: 600_000 }
const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }

test('what a hand changed on servers is found, planned and put right, also by a repair that is killed', SLOW, async () => {
  await using stack = new AsyncDisposableStack()
  const { home, remove } = await newHome()
  stack.defer(remove)
  const redis = await startPrivateRedis()
  stack.defer(() => redis.stop())
  const env = cleanEnv(home, { REDIS_URL: redis.url, ...storesOnServers('mongo', 'mysql', 'elasticsearch') })
  const search = env['SEGMENTS_URL']!
  const config = storesConfig.parse({ ...env, FREEZE_SETTLE_MS: '0' })
  const open = () => openStores(config, { packs, log: silentLog })
  const stores = stack.use(await waitUntil(open, { timeoutMs: 120_000 })) // making an index takes its time
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  const options = { jobId: 'repair' }

  const id = freshName('film')
  const shard = shardOf({ ...MOVIES, entityId: id })
  await stores.catalog.putRows(MOVIES, [{ id, columns: { title: id } }])
  await recordEvents(['a', 'b', 'c'].map((event_id) => ({
    domain: 'jav', entity_type: 'movie', entity_id: id, action: 'view', event_id, occurred_at: new Date().toISOString(),
  })), { tenant: 'default', zone: 'UTC', keyId: 'k', eventsPerMinute: 0 }, needs)
  await flushShards(ALL_SHARDS, needs, options)
  await syncCatalog(needs)
  await syncSegments(needs)
  expect(await checkParity(needs)).toMatchObject({ equal: true })

  const client = stack.adopt(new MongoClient(env['ROLLUPS_URL']!), (one) => one.close())
  const setTotal = async (count: number) => {
    const total = { entity_id: id, interval: 'total' }
    const change = await client.db().collection('documents').updateOne(total, { $set: { 'counts.view.count': count } })
    expect(change.modifiedCount).toBe(1)
  }
  await setTotal(40)
  const sql = stack.adopt(await createConnection(env['CATALOG_URL']!), (one) => one.end())
  await sql.query('UPDATE jav SET views = 90 WHERE id = ?', [id])
  const found = await fetch(`${search}/${env['SEGMENTS_PREFIX']}-segments/_search?q=entity_id:${encodeURIComponent(`"${id}"`)}`)
  const { hits: { hits: [document] } } = await found.json() as { hits: { hits: { _id: string; _index: string }[] } }
  const hand = await fetch(`${search}/${document!._index}/_update/${encodeURIComponent(document!._id)}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ doc: { totals: { view: 8 } } }),
  })
  expect(hand.status).toBe(200)

  const planned = await repairStores(needs, { ...options, dryRun: true })
  expect(planned.plan.map(({ store, actual, expected }) => [store, actual, expected]).sort())
    .toEqual([['catalog', 90, 3], ['rollups', 40, 3], ['segments', 8, 90]])
  expect((await checkParity(needs)).differences).toHaveLength(3)
  const { run, left } = await repairStores(needs, options)
  expect({ run, left }).toMatchObject({ run: { equal: true }, left: [] })
  expect(await stores.catalog.listRows(MOVIES, [id])).toMatchObject([{ totals: { view: 3 } }])
  expect(await explainNumber({ ...MOVIES, entityId: id, action: 'view' }, needs))
    .toMatchObject({ shown: 3, addsUp: true, repairs: [{ value: -37 }], catalog: { shown: 3 }, segment: { shown: 3 } })

  await setTotal(50)
  const repair = spawn(process.execPath, [join(ROOT, 'ops/cli/src/main.ts'), 'parity-check', '--repair'], { env, stdio: 'ignore' })
  const ended = once(repair, 'exit')
  await waitUntil(async () => (await stores.hot.listShards())[shard]!.open?.kind === 'repair', { timeoutMs: 120_000 })
  repair.kill('SIGKILL')
  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(await checkParity(needs, { stores: ['ledger'] })).toMatchObject({ equal: true })
  await flushShards(ALL_SHARDS, needs, options)
  await syncCatalog(needs)
  await syncSegments(needs)
  expect(await checkParity(needs)).toMatchObject({ equal: true })
  expect(await readLedger({}, needs)).toMatchObject({ balanced: true, counted: 3, pending: 0 })
})
