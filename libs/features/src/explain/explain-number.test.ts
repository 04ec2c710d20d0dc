import { ALL_SHARDS, dayOf, shardOf, weekOf } from '@tallyfleet/domain'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSpine, type Spine } from '../spine.fixture.ts'
import { entityBefore } from './entity-before.ts'
import { explainNumber } from './explain-number.ts'

let spine: Spine
beforeEach(async () => { spine = await openSpine() })
afterEach(() => spine[Symbol.asyncDispose]())

const film = { tenant: 'default', domain: 'jav', entityType: 'movie', entityId: 'm-1', action: 'view' }
const shard = shardOf(film)
const explain = (part: Partial<typeof film> & { bucket?: string } = {}, options = {}) =>
  explainNumber({ ...film, ...part }, spine.needs, options)
const now = new Date()
const before = new Date(now.getTime() - 9 * 86_400_000)
const today = dayOf(now, 'UTC')

test('a number is the sum of what its batches added, each with its job and times', async () => {
  await spine.putFilm('m-1')
  await spine.send(['m-1', 'm-1', 'm-2'], before)
  await spine.flush('first')
  await spine.send(['m-1'])
  await spine.flush('second')
  await spine.sync()
  const total = await explain()
  expect(total).toMatchObject({
    shard, shown: 3, seq: 2, remaining: 0, addsUp: true, unreadable: [], pending: { open: null, hot: 0 },
    contributions: [
      { n: 1, value: 2, jobId: 'first', state: 'done', buckets: [{ bucket: dayOf(before, 'UTC'), value: 2 }] },
      { n: 2, value: 1, jobId: 'second', state: 'done', buckets: [{ bucket: today, value: 1 }] },
    ],
    catalog: { opening: 0, total: 3, shown: 3, version: 2, behind: false, addsUp: true },
    segment: { shown: 3, behind: false, addsUp: true },
  })
  const { checksum, createdAt, doneAt } = total.contributions[0]!
  expect(checksum).toBe((await spine.needs.rollups.findManifest(shard, 1))!.checksum)
  expect(doneAt!.getTime()).toBeGreaterThanOrEqual(createdAt.getTime())

  for (const bucket of [today, weekOf(today)]) {
    expect(await explain({ bucket }))
      .toMatchObject({ shown: 1, addsUp: true, contributions: [{ n: 2, value: 1 }], catalog: null })
  }
  expect(await explain({ bucket: '1999' })).toMatchObject({ shown: 0, addsUp: true, contributions: [] })
})

async function freezeAll() {
  const { hot } = spine.needs
  return await hot.freeze((await hot.listShards()).flatMap(({ shard: one, epoch }) => (epoch ? [{ shard: one, epoch }] : [])))
}

test('what is hot or frozen is told apart from what is shown', async () => {
  await spine.send(['m-1'])
  await spine.flush('first')
  await spine.send(['m-1', 'm-1'])
  await freezeAll()
  await spine.send(['m-1'])
  expect(await explain()).toMatchObject({
    shown: 1, addsUp: true, catalog: null, pending: { open: { n: 2, value: 2 }, hot: 1 },
  })
})

test('an open batch whose documents are written is in the number, not on its way', async () => {
  await spine.send(['m-1'])
  const { hot, rollups } = spine.needs
  const [batch] = await freezeAll()
  const deltas = await hot.findBatch(batch!)
  await spine.flush('whole')
  // As a worker leaves it that dies after the documents and before the manifest is done.
  const manifest = (await rollups.findManifest(shard, 1))!
  const halfway = new Proxy(rollups, {
    get: (target, name) => name === 'listManifests' ? async () => [{ ...manifest, state: 'open', doneAt: undefined }]
      : name === 'findDeltas' ? async () => deltas : Reflect.get(target, name).bind(target),
  })
  expect(await explainNumber(film, { ...spine.needs, rollups: halfway })).toMatchObject({
    shown: 1, addsUp: true, contributions: [{ n: 1, state: 'open', value: 1 }], pending: { open: null, hot: 0 },
  })
})

test('batches that retention blanked are named, and leave a sum', async () => {
  await spine.send(['m-1', 'm-1'])
  await spine.flush('old')
  await spine.send(['m-1'])
  await spine.flush('older still kept')
  expect(await explain({}, { maxBatches: 1 })).toMatchObject({
    shown: 3, remaining: 2, addsUp: true, unreadable: [{ why: 'not read', fromN: 1, toN: 1, events: 2 }],
  })
  await spine.needs.rollups.blankDeltas(new Date(Date.now() + 1_000))
  await spine.send(['m-1'])
  await spine.flush('new')
  expect(await explain()).toMatchObject({
    shown: 4, remaining: 3, addsUp: true, contributions: [{ n: 3, value: 1 }],
    unreadable: [{ why: 'blanked by retention', fromN: 1, toN: 2, batches: 2, events: 3 }],
  })
})

test('a number that no batch explains does not add up, wherever it was changed', async () => {
  await spine.putFilm('m-1')
  await spine.send(['m-1'])
  await spine.flush('first')
  await spine.sync()
  expect(await explain()).toMatchObject({ addsUp: true })
  const { rollups, catalog, segments } = spine.needs
  const [totals] = await rollups.listTotals(film, ['m-1'])
  const [document] = await segments.scanDocuments(film, undefined, 1)

  await segments.putDocuments([{ ...document!, totals: { view: 9 }, version: document!.version + 1 }])
  expect(await explain())
    .toMatchObject({ addsUp: false, segment: { shown: 9, addsUp: false }, catalog: { addsUp: true } })
  await catalog.putTotals([{ ...totals!, counts: { view: { count: 7 } } }])
  expect(await explain()).toMatchObject({ addsUp: false, catalog: { shown: 7, total: 1, addsUp: false } })

  const lost = new Proxy(rollups, {
    get: (target, name) => name === 'findDeltas' ? async () => [] : Reflect.get(target, name).bind(target),
  })
  expect(await explainNumber(film, { ...spine.needs, rollups: lost }))
    .toMatchObject({ shown: 1, remaining: 1, addsUp: false })
})

test('a row behind the rollups is held against what they showed at its version', async () => {
  await spine.putFilm('m-1')
  await spine.send(['m-1', 'm-1'])
  await spine.flush('first')
  await spine.sync()
  await spine.send(['m-1'])
  await spine.flush('second')
  expect(await explain()).toMatchObject({
    shown: 3, addsUp: true, segment: { shown: 2 },
    catalog: { shown: 2, total: 2, version: 1, behind: true, addsUp: true },
  })
})

test('what is in no pack, is no bucket or was never counted is refused', async () => {
  await expect(explain({ action: 'sneeze' })).rejects.toMatchObject({ code: 'ACTION_UNKNOWN' })
  await expect(explain({ bucket: 'yesterday' })).rejects.toMatchObject({ code: 'PARAMETER_INVALID' })
  await expect(explain({ entityId: 'nobody' })).rejects.toMatchObject({ code: 'ENTITY_UNKNOWN' })
  await spine.send(['fresh'])
  expect(await explain({ entityId: 'fresh' })).toMatchObject({ shown: 0, seq: null, addsUp: true, pending: { hot: 1 } })
})

test('the scan that looks for a document starts right before its id', () => {
  const ids = ['m', 'm-', 'm-0', 'm-0z', 'm-1', 'm-10', 'm-é', 'n', '\ue000', '\u{1f600}']
  const bytes = (text: string) => Buffer.from(text)
  for (const id of ids) {
    const start = entityBefore(id)!
    const after = ids.filter((other) => Buffer.compare(bytes(other), bytes(start)) > 0)
    expect(after.sort((a, b) => Buffer.compare(bytes(a), bytes(b)))[0]).toBe(id)
  }
})
