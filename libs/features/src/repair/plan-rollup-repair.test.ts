import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COUNT, groupDeltas, shardOf, type Delta } from '@tallyfleet/domain'
import type { RollupDocument, RollupStore } from '@tallyfleet/ports'
import { SqliteRollupStore } from '@tallyfleet/store-sql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { planRollupRepair } from './plan-rollup-repair.ts'

const ENTITY = { tenant: 'default', domain: 'web', entityType: 'page', entityId: '/a' }
const shard = shardOf(ENTITY)
const OLD = '2025-01-06'
const NEW = '2026-11-21'

let dir: string
let rollups: SqliteRollupStore
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fleet-plan-'))
  rollups = await SqliteRollupStore.open({ path: join(dir, 'rollups.sqlite'), actions: ['view'] })
  const deltas: Delta[] = [OLD, NEW].map((bucket) => ({ ...ENTITY, action: 'view', measure: COUNT, bucket, value: 3 }))
  await rollups.putCopies(groupDeltas('a secret', shard, deltas, () => 'day').map((document) => ({ ...document, seq: 1 })))
})
afterEach(async () => {
  await rollups[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

/** The rollups with some documents changed, as retention or a hand would leave them. */
function changed(change: (document: RollupDocument) => Partial<RollupDocument> | undefined): RollupStore {
  return Object.create(rollups, {
    scan: { value: async function* () {
      for await (const document of rollups.scan(shard)) yield { ...document, ...change(document) }
    } },
  })
}
const isOld = ({ of, interval, bucket }: RollupDocument) => of === 'entity' && interval === 'day' && bucket === OLD
const planOf = async (store: RollupStore) =>
  (await planRollupRepair(shard, { rollups: store })).wrong.map(({ interval, bucket, shown, right }) => [interval, bucket, shown, right])

test('a day that retention blanked is no difference, nor is any longer bucket of it', async () => {
  const { compared } = await planRollupRepair(shard, { rollups })
  const blanked = changed((document) => (isOld(document) ? { counts: {}, retired: true } : undefined))
  expect(await planOf(blanked)).toEqual([])
  expect((await planRollupRepair(shard, { rollups: blanked })).compared).toBeLessThan(compared)
})

test('a day that lost its counts without retention is told, and not copied upwards', async () => {
  const lost = changed((document) => (isOld(document) ? { counts: {} } : undefined))
  const { wrong, deltas } = await planRollupRepair(shard, { rollups: lost })
  expect(wrong.length).toBeGreaterThan(0)
  expect(deltas).toEqual([])
})

test('beside a blanked day, damage to buckets that it is no part of is still found', async () => {
  const both = changed((document): Partial<RollupDocument> | undefined => {
    if (isOld(document)) return { counts: {}, retired: true }
    return document.of === 'entity' && document.interval === 'month' && document.bucket === NEW.slice(0, 7)
      ? { counts: { view: { count: 9 } } } : undefined
  })
  expect(await planOf(both)).toEqual([['month', NEW.slice(0, 7), 9, 3]])
})
