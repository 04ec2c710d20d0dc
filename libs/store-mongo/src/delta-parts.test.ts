import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { checksumOf, type Delta } from '@tallyfleet/domain'
import { packDeltas, unpackDeltas } from './delta-parts.ts'

const deltas: Delta[] = Array.from({ length: 1_000 }, (_, index) => ({
  tenant: 'default', domain: 'jav', entityType: 'movie', entityId: `名前-${index}`, action: 'view', measure: 'count',
  bucket: '2026-11-21', value: index - 500,
}))

test('deltas come back whole from any number of parts', async () => {
  for (const [maxRawBytes, count] of [[1, 1_000], [10_000, 6], [1_000_000, 1]] as const) {
    const { parts } = await packDeltas(deltas, maxRawBytes)
    expect(parts).toHaveLength(count)
    const unpacked = await unpackDeltas(parts)
    expect(unpacked).toHaveLength(deltas.length)
    expect(checksumOf(unpacked)).toBe(checksumOf(deltas))
  }
  expect(await unpackDeltas((await packDeltas([])).parts)).toEqual([])
})

test('the name tells other deltas and other cuts apart, but not another order', async () => {
  const { content } = await packDeltas(deltas)
  expect((await packDeltas([...deltas].reverse())).content).toBe(content)
  expect((await packDeltas(deltas.slice(1))).content).not.toBe(content)
  expect((await packDeltas(deltas, 10_000)).content).not.toBe(content)
})

test('a part stays below 8 MiB where nothing can be compressed', async () => {
  const noise = Array.from({ length: 40_000 }, () => ({ ...deltas[0]!, entityId: randomBytes(192).toString('base64') }))
  const { parts } = await packDeltas(noise)
  expect(parts.length).toBeGreaterThan(1)
  for (const part of parts) expect(part.length).toBeLessThan(8 * 1_048_576)
})
