import { expect, test } from 'vitest'
import { checksumOf, dedupeMemberOf, deltaOf, documentIdOf, fieldOf, groupDeltas, type Delta } from './delta.ts'

const delta = (part: Partial<Delta>): Delta => ({
  tenant: 'default', domain: 'jav', entityType: 'movie', entityId: 'm-1', action: 'view', measure: 'count',
  bucket: '2026-11-21', value: 1, ...part,
})

test('a field round-trips', () => {
  const one = delta({ entityId: 'a b|c', value: 7 })
  expect(deltaOf(fieldOf(one), 7)).toEqual(one)
})

test('ids of documents are the ones that every store holds', () => {
  const key = { of: 'entity', tenant: 'default', domain: 'jav', entityType: 'movie', entityId: 'm-1', interval: 'day', shard: 7 } as const
  expect(['2026-11-20', '2026-11-21', '2026-11-22'].map((bucket) => documentIdOf('secret', { ...key, bucket }))).toEqual([
    'default:F6y1ohiwzA57ut7sAJRKNQ', 'default:92M7Cn7wEc8CYpm8W3CuJw', 'default:bixGUaOKmyqqbENnbsg5Mw',
  ])
})

test('a checksum does not depend on order, and tells values apart', () => {
  const a = delta({ value: 2 }), b = delta({ entityId: 'm-2' })
  expect(checksumOf([a, b])).toBe(checksumOf([b, a]))
  expect(checksumOf([a, b])).not.toBe(checksumOf([delta({ value: 3 }), b]))
})

test('grouping yields each document once, entity and shard sums alike', () => {
  const documents = groupDeltas('secret', 3, [
    delta({ value: 2 }), delta({ bucket: '2026-11-22' }), delta({ entityId: 'm-2', action: 'download', value: 5 }),
  ], () => 'day')
  expect(new Set(documents.map((document) => document.id)).size).toBe(documents.length)
  const find = (of: string, entityId: string | null, interval: string, bucket: string) =>
    documents.find((d) => d.of === of && d.entityId === entityId && d.interval === interval && d.bucket === bucket)?.counts
  expect(find('entity', 'm-1', 'total', 'all')).toEqual({ view: { count: 3 } })
  expect(find('entity', 'm-1', 'day', '2026-11-21')).toEqual({ view: { count: 2 } })
  expect(find('entity', 'm-1', 'week', '2026-W47')).toEqual({ view: { count: 3 } })
  expect(find('shard', null, 'year', '2026')).toEqual({ view: { count: 3 }, download: { count: 5 } })
  expect(documents.some((document) => document.interval === 'hour')).toBe(false)
})

test('a dedupe member fits a signed 64-bit integer and is scoped to its entity', () => {
  const key = { tenant: 't', domain: 'jav', entityType: 'movie', entityId: '1' }
  const member = BigInt(dedupeMemberOf('secret', key, 'e1'))
  expect(BigInt.asIntN(64, member)).toBe(member)
  expect(dedupeMemberOf('secret', { ...key, entityId: '2' }, 'e1')).not.toBe(member.toString())
})
