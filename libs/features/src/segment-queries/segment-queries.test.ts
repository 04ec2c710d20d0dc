import type { SegmentCondition } from '@tallyfleet/domain'
import { packs } from '@tallyfleet/packs'
import type { CatalogRow, SegmentStore } from '@tallyfleet/ports'
import { SearchSegmentStore } from '@tallyfleet/store-search'
import { SqliteSegmentStore } from '@tallyfleet/store-sql'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentOf } from '../segments/sync-segments.ts'
import { listMembers } from './list-members.ts'
import { measureSegment, type SegmentNeeds } from './measure-segment.ts'
import { birthsOf, resolveCondition } from './resolve-condition.ts'

const FILMS = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const ACTORS = { ...FILMS, entityType: 'actor' }
const clock = { now: () => new Date('2026-11-21T10:00:00Z') }
const GENRES = ['Drama', 'War', 'Comedy', 'Horror', 'Noir']

/** A film as its catalog row stands; n makes it differ from the others. */
function filmOf(n: number): CatalogRow {
  const genres = GENRES.filter((_, at) => (n >> at) % 2 === 1)
  const year = 1950 + (n * 7) % 70
  return {
    ...FILMS, id: `m-${n}`, title: `Film ${n % 190}`, shard: 0, version: 1, revision: n + 1, opening: {},
    totals: { view: (n * 37) % 101, download: n % 5 },
    columns: {
      genres, source: n % 3 === 0 ? null : `source ${n % 3}`, actors: n % 4 === 0 ? [] : [`a-${n % 10}`, `a-${(n + 3) % 10}`],
      tags: [], images: n % 6 === 0 ? [] : ['x.jpg'], release_date: n % 11 === 0 ? null : `${year}-0${1 + n % 9}-15`,
      duration_minutes: 60 + n % 90, description: n % 2 ? 'text' : ' ',
    },
  }
}

/** Born on this very day, the day before and the day after, 20 to 29 years ago. */
function actorOf(n: number): CatalogRow {
  const birth = `${2006 - n}-11-${20 + n % 3}`
  return {
    ...ACTORS, id: `a-${n}`, title: `Actor ${n}`, shard: 1, version: 1, revision: n + 1, opening: {}, totals: { view: n, download: 0 },
    columns: { birth_date: n === 9 ? null : birth, birthplace: n % 2 ? 'Prague' : 'Brno', images: [] },
  }
}

const films = Array.from({ length: 200 }, (_, n) => filmOf(n))
const actors = Array.from({ length: 9 }, (_, n) => actorOf(n)) // a-9 is a link to nothing

const has = (film: CatalogRow, column: string, value: string) => (film.columns[column] as string[]).includes(value)
const ageOn = (birth: string) => 2026 - Number(birth.slice(0, 4)) - (birth.slice(5) > '11-21' ? 1 : 0)
const isAged = (film: CatalogRow, from: number, to: number) => actors.some((actor) => has(film, 'actors', actor.id)
  && ageOn(actor.columns['birth_date'] as string) >= from && ageOn(actor.columns['birth_date'] as string) < to)

/** Definitions, each with the same thing said about a row in plain code. */
const cases: [string, SegmentCondition, (film: CatalogRow) => boolean][] = [
  ['a genre', { dimension: 'genre', in: ['Drama'] }, (film) => has(film, 'genres', 'Drama')],
  ['a decade', { dimension: 'decade', in: ['1980s'] }, ({ columns }) => /^198/.test(String(columns['release_date']))],
  ['dates', { dimension: 'release_date', gte: '1990-01-01', lt: '2000' }, ({ columns }) => /^199/.test(String(columns['release_date']))],
  ['numbers', { dimension: 'duration_minutes', gte: 100 }, ({ columns }) => Number(columns['duration_minutes']) >= 100],
  ['totals', { total: 'view', gte: 10, lt: 50 }, ({ totals }) => totals['view']! >= 10 && totals['view']! < 50],
  ['an image', { not: { dimension: 'quality.missing', in: ['image'] } }, ({ columns }) => (columns['images'] as string[]).length > 0],
  ['no source', { dimension: 'source', exists: false }, ({ columns }) => columns['source'] === null],
  ['age of an actor', { dimension: 'actors.age', gte: 22, lt: 25 }, (film) => isAged(film, 22, 25)],
  ['one age', { dimension: 'actors.age', in: [23, 27] }, (film) => isAged(film, 23, 24) || isAged(film, 27, 28)],
  ['birthplace and genre, nested', { all: [
    { dimension: 'actors.birthplace', in: ['Prague'] },
    { any: [{ dimension: 'genres', in: ['War', 'Noir'] }, { all: [{ total: 'download', lt: 1 }, { not: { dimension: 'genres', exists: true } }] }] },
    { not: { dimension: 'decade', in: ['1990s'] } },
  ] }, (film) => actors.some(({ id, columns }) => has(film, 'actors', id) && columns['birthplace'] === 'Prague')
    && (has(film, 'genres', 'War') || has(film, 'genres', 'Noir') || (film.totals['download'] === 0 && (film.columns['genres'] as string[]).length === 0))
    && !/^199/.test(String(film.columns['release_date']))],
]

function suite(open: () => Promise<SegmentStore>): void {
  let needs: SegmentNeeds & { secret: string }
  beforeAll(async () => {
    needs = { segments: await open(), packs, clock, secret: 's' }
    await needs.segments.putDocuments([...films, ...actors].map((row) => documentOf(row, packs)))
  }, 60_000)
  afterAll(async () => { await needs?.segments[Symbol.asyncDispose]() })

  test.each(cases)('%s: size, totals, leaders and parts are those of a plain count', async (_, definition, holds) => {
    const matching = films.filter(holds)
    expect(matching.length).toBeGreaterThan(0)
    const sum = (list: CatalogRow[], action: string) => list.reduce((all, { totals }) => all + totals[action]!, 0)
    const measure = await measureSegment(FILMS, {
      definition, overlap: { dimension: 'genres', in: ['War'] }, facets: ['genre'], facetLimit: 10, top: 5,
    }, needs)
    const war = films.filter((film) => has(film, 'genres', 'War'))
    const both = matching.filter((film) => has(film, 'genres', 'War')).length
    const either = matching.length + war.length - both
    expect(measure).toMatchObject({
      entities: matching.length, share: matching.length / 200,
      totals: { view: sum(matching, 'view'), download: sum(matching, 'download') },
      overlap: { entities: war.length, both, either, jaccard: both / either },
    })
    const leaders = [...matching].sort((a, b) => b.totals['view']! - a.totals['view']! || (a.id < b.id ? -1 : 1))
    expect(measure.top.map(({ entityId, title, count }) => [entityId, title, count]))
      .toEqual(leaders.slice(0, 5).map(({ id, title, totals }) => [id, title, totals['view']]))
    const byGenre = Object.fromEntries(measure.facets['genres']!.map(({ value, entities, totals }) => [value, [entities, totals['view']]]))
    for (const genre of GENRES) {
      const part = matching.filter((film) => has(film, 'genres', genre))
      expect(byGenre[genre]).toEqual(part.length > 0 ? [part.length, sum(part, 'view')] : undefined)
    }
    const paged: string[] = []
    for (let cursor: string | undefined; ;) {
      const { members, nextCursor } = await listMembers(FILMS, { definition, action: 'view', limit: 60, cursor }, needs)
      paged.push(...members.map(({ entityId }) => entityId))
      if (!(cursor = nextCursor)) break
    }
    expect(paged).toEqual(leaders.map(({ id }) => id))
  }, 30_000)

  test('what the pack has not, values of another type and too deep a nest are faults with their place', async () => {
    const faultsOf = async (definition: SegmentCondition) => {
      const error = await resolveCondition(FILMS, definition, '/definition', needs).then(() => undefined, (cause) => cause)
      return error?.details.errors.map(({ pointer }: { pointer: string }) => pointer)
    }
    expect(await faultsOf({ all: [{ dimension: 'genres', in: ['Drama'] }, { dimension: 'nothing', in: ['x'] }] }))
      .toEqual(['/definition/all/1/dimension'])
    expect(await faultsOf({ not: { any: [{ dimension: 'genres', in: ['Drama', 3] }, { total: 'like', gte: 1 }] } }))
      .toEqual(['/definition/not/any/0/in/1', '/definition/not/any/1/total'])
    expect(await faultsOf({ dimension: 'genres', gte: 'A' })).toEqual(['/definition'])
    expect(await faultsOf({ dimension: 'release_date', gte: 'yesterday', lt: '2000' })).toEqual(['/definition/gte'])
    expect(await faultsOf({ dimension: 'quality.twin', exists: true })).toEqual(['/definition/dimension'])
    let deep: SegmentCondition = { dimension: 'genres', in: ['Drama'] }
    for (let level = 1; level < 6; level++) deep = { not: deep }
    expect(await faultsOf(deep)).toBeUndefined()
    expect(await faultsOf({ not: deep })).toEqual(['/definition/not/not/not/not/not/not'])
    const wide = { any: Array.from({ length: 60 }, () => ({ dimension: 'genres', in: ['Drama'] })) }
    expect(await faultsOf(wide)).toEqual(['/definition'])
  })
}

describe('segments on sqlite', () => suite(() => SqliteSegmentStore.open({ path: ':memory:' })))
for (const kind of ['elasticsearch', 'opensearch'] as const) {
  describeWithServer(kind, `segments on ${kind}`, (url) =>
    suite(() => SearchSegmentStore.open({ url, prefix: freshName('queries') })))
}

test('who is born on 29 February gets older on 1 March', () => {
  const at = (day: string) => new Date(`${day}T12:00:00Z`)
  expect(birthsOf(19, undefined, at('2023-02-28'))).toEqual({ lt: '2004-02-29' })
  expect(birthsOf(19, 20, at('2023-03-01'))).toEqual({ gte: '2003-03-02', lt: '2004-03-02' })
  expect(birthsOf(19, undefined, at('2024-02-29'))).toEqual({ lt: '2005-03-01' })
})
