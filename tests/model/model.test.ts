import { describe, expect, test } from 'vitest'
import { explore } from './explore.ts'
import type { Kind } from './verdict.ts'
import type { Flaw, World } from './world.ts'

const SLOW = 300_000
/** Events of one entity are alike to a checksum: two batches of one event each have the same. */
const one = { events: [{ entity: 0 }], shards: [0] }
const two = { events: [{ entity: 0 }, { entity: 0 }], shards: [0] }
const three = { events: [{ entity: 0 }, { entity: 0 }, { entity: 0 }], shards: [0] }
const twoEntities = { events: [{ entity: 0 }, { entity: 1 }], shards: [0, 0] }
const twoShards = { events: [{ entity: 0 }, { entity: 1 }], shards: [0, 1] }
const totals: World['documents'] = ['total']
const days: World['documents'] = ['total', 'day']

function search(world: World, flaws: Flaw[] = [], kinds?: Kind[]) {
  const found = explore({ world, flaws: new Set(flaws) }, kinds)
  console.log(`${found.states} states, ${found.steps} steps, ${found.rests} at rest`
    + (found.finding ? `; ${found.finding.violation.what}:\n  ${found.finding.trace.join('\n  ')}` : '; all is well'))
  return found
}

describe('the protocol counts each event once', () => {
  test.each<[string, World]>([
    ['two workers, two crashes, a repeat', { ...two, documents: days, crashes: 2, repeats: 1 }],
    ['three batches', { ...three, documents: totals, crashes: 1 }],
    ['two entities and their sum', { ...twoEntities, documents: ['total', 'sum'], crashes: 1 }],
    ['two open shards', { ...twoShards, documents: totals, crashes: 1 }],
    ['the power fails', { ...two, documents: totals, crashes: 1, powerLosses: 1, repeats: 1 }],
    ['the power fails twice', { ...one, documents: days, powerLosses: 2 }],
    ['Redis is restored to an earlier state', { ...three, documents: totals, restores: 1 }],
    ['Redis is restored and a client repeats', { ...two, documents: totals, restores: 1, repeats: 1 }],
    ['Redis loses everything', { ...two, documents: days, crashes: 1, empties: 1 }],
    ['Redis loses everything while nobody is at it, and no shard may stop',
      { ...two, documents: days, crashes: 1, empties: 1, undisturbed: true }],
    ['Redis loses everything and is restored', { ...one, documents: days, empties: 1, restores: 1 }],
    ['the rollups are restored while nobody is at them',
      { ...two, documents: totals, rollupRestores: 1, undisturbed: true }],
    ['the catalog follows', { ...two, documents: totals, crashes: 1, catalog: true }],
    ['the catalog is restored while nobody is at it',
      { ...twoEntities, documents: totals, catalog: true, catalogRestores: 1, undisturbed: true }],
    ['repairs among flushes', { ...two, documents: days, crashes: 1, repairs: 2, damaged: true }],
    ['a repair when the power fails', { ...one, documents: days, repairs: 1, powerLosses: 1, damaged: true }],
    ['retention', { ...two, documents: days, crashes: 1, retirements: 1 }],
  ])('%s', (_, world) => {
    expect(search(world).finding).toBeUndefined()
  }, SLOW)

  test('after a restore a shard stops or goes on, as it must', () => {
    const { rests, stops } = search({ ...one, documents: totals, restores: 1 })
    expect(stops).toBeGreaterThan(0)
    expect(rests).toBeGreaterThan(stops)
  })

  test.runIf(process.env['FLEET_LONG'] === '1').each<[string, World]>([
    ['the power fails, a worker crashes, a client repeats',
      { ...two, documents: days, crashes: 1, powerLosses: 1, repeats: 1 }],
    ['Redis is restored, a worker crashes, a client repeats',
      { ...two, documents: totals, restores: 1, crashes: 1, repeats: 1 }],
    ['Redis loses everything and is restored between two events', { ...two, documents: days, empties: 1, restores: 1 }],
    ['the power fails after Redis was restored', { ...two, documents: totals, restores: 1, powerLosses: 1 }],
    ['three batches, two crashes, the catalog', { ...three, documents: totals, crashes: 2, catalog: true }],
  ])('in a large world: %s', (_, world) => {
    expect(search(world).finding).toBeUndefined()
  }, SLOW)
})

describe('each rule is needed', () => {
  test.each<[string, Kind, Flaw[], World]>([
    ['mark, then count, as two steps', 'loses',
      ['marked before it is counted'], { ...one, documents: totals, crashes: 1 }],
    ['count, then mark, as two steps', 'doubles',
      ['counted before it is marked'], { ...one, documents: totals, crashes: 1 }],
    ['separate EXISTS, INCR and RENAME, fixed name', 'loses',
      ['separate commands, one name', 'batches have no name'], { ...two, documents: totals }],
    ['separate EXISTS, INCR and RENAME, numbered name', 'loses',
      ['separate commands, numbered'], { ...two, documents: totals }],
    ['atomic freeze, fixed key name', 'loses', ['one name'], { ...two, documents: totals }],
    ['two shards feed one document', 'loses', ['shards share a document'], { ...twoShards, documents: ['sum'] }],
    ['one document written twice in a batch', 'loses',
      ['document written twice in a batch'], { ...twoEntities, documents: ['sum'] }],
    ['documents deleted while a late job lives', 'doubles',
      ['documents are deleted'], { ...one, documents: ['day'], retirements: 1 }],
    ['n+1 opened before done(n)', 'loses', ['opened beside an open batch'], { ...two, documents: totals }],
    ['finish without "only if open = n"', 'loses', ['finishes whatever is open'], { ...three, documents: totals }],
    ['first write before the freeze is durable', 'stops',
      ['writes before the freeze is durable'], { ...two, documents: totals, powerLosses: 1 }],
    ['first write before the freeze is durable, and no manifest check', 'loses',
      ['writes before the freeze is durable', 'compares no manifest'], { ...two, documents: totals, powerLosses: 1 }],
    ['no manifest check', 'loses', ['compares no manifest'], { ...two, documents: totals, restores: 1 }],
    ['repair outside the numbering', 'doubles',
      ['repair outside the numbering'], { ...two, documents: days, repairs: 2, damaged: true }],
    ['projection without a mark', 'stays wrong', ['no mark'], { ...one, documents: totals, crashes: 1, catalog: true }],
    ['projection with its mark in another store', 'stays wrong', ['mark in another store'],
      { ...one, documents: totals, catalog: true, catalogRestores: 1, undisturbed: true }],
    ['one version fed by two documents', 'stays wrong', ['one version for two documents'], {
      events: [{ entity: 0, action: 'view' }, { entity: 0, action: 'download' }], shards: [0], documents: totals,
      catalog: true,
    }],

    ['a batch known by its number and content alone, Redis restored', 'loses',
      ['batches have no name'], { ...three, documents: totals, restores: 1 }],
    ['a batch known by its number and content alone, Redis emptied', 'loses',
      ['batches have no name'], { ...two, documents: totals, empties: 1 }],
    ['an open manifest left to a Redis that lost its batch', 'loses',
      ['open manifests are left'], { ...two, documents: days, empties: 1 }],
    ['a stop where the power took a freeze', 'stops',
      ['a batch that is gone stops the shard'], { ...one, documents: totals, powerLosses: 1 }],
    ['a wait for the disk that covers the own connection alone', 'stops',
      ['waits for its own writes alone'], { ...one, documents: totals, powerLosses: 1 }],
    ['a life of Redis that is named only by the next flush', 'doubles',
      ['life begins with a flush'], { ...one, documents: totals, empties: 1, restores: 1 }],
    ['a freeze in another life than the one that was checked', 'doubles',
      ['freezes in any life'], { ...one, documents: totals, empties: 1, restores: 1 }],
  ])('%s: %s', (_, kind, flaws, world) => {
    expect(search(world, flaws, [kind]).finding?.violation.kind).toBe(kind)
  }, SLOW)

  test('while Redis keeps its data, a batch needs no name, a life no name and a manifest no heir', () => {
    const flaws: Flaw[] = ['batches have no name', 'open manifests are left', 'a batch that is gone stops the shard',
      'waits for its own writes alone', 'life begins with a flush', 'freezes in any life']
    expect(search({ ...two, documents: days, crashes: 1, repeats: 1 }, flaws).finding).toBeUndefined()
  }, SLOW)
})

describe('what is outside the promise', () => {
  test('a catalog restored under a running sync stays wrong', () => {
    const world = { ...twoEntities, documents: totals, catalog: true, catalogRestores: 1 }
    expect(search(world).finding?.violation.kind).toBe('stays wrong')
  })

  test('a rollup store restored under a running flush loses', () => {
    expect(search({ ...one, documents: days, rollupRestores: 1 }).finding?.violation.kind).toBe('loses')
  })
})
