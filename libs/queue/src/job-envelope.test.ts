import { defineJob } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { unwrapPayload, wrapPayload } from './job-envelope.ts'

const job = defineJob({ name: 'copy', queue: 'tests', payload: z.strictObject({ text: z.string() }), softTimeoutMs: 1_000, timeoutMs: 2_000 })

test('a payload alone is read as one of version 1', () => {
  const data = wrapPayload(job, { text: 'a' })
  expect(data).toEqual({ payload: { text: 'a' } })
  expect(unwrapPayload(job, data)).toEqual({ payload: { text: 'a' }, tick: undefined, children: undefined })
  expect(unwrapPayload(job, { ...data, version: 1 }).payload).toEqual({ text: 'a' })
})

test('a later version travels with its payload, and is refused by a release that knows the one before', () => {
  const data = wrapPayload({ ...job, version: 2 }, { text: 'a' })
  expect(data).toMatchObject({ version: 2 })
  expect(() => unwrapPayload(job, data)).toThrow(expect.objectContaining({ code: 'JOB_VERSION_UNKNOWN' }))
})

test.each([[null], [[]], ['text'], [{}], [{ payload: { text: 1 } }], [{ payload: { text: 'a' }, version: 'x' }]])('%j is refused', (data) => {
  expect(() => unwrapPayload(job, data)).toThrow(expect.objectContaining({ code: 'FIELD_INVALID' }))
})

test('a payload of 64 KiB is refused by its size in bytes', () => {
  expect(() => wrapPayload(job, { text: 'ä'.repeat(33_000) })).toThrow(expect.objectContaining({ code: 'FIELD_INVALID', message: expect.stringContaining('larger') }))
  expect(wrapPayload(job, { text: 'a'.repeat(33_000) }).payload).toBeDefined()
})
