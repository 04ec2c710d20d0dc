import { expect, test } from 'vitest'
import { parseQueueChoice } from './queue-choice.ts'

const known = ['flush', 'sync', 'maintenance']

test('a choice names queues, each with how many jobs run at a time', () => {
  expect(parseQueueChoice('flush:3, sync', known)).toEqual([{ name: 'flush', concurrency: 3 }, { name: 'sync', concurrency: 2 }])
})

test('no choice is every queue', () => {
  expect(parseQueueChoice(undefined, known).map(({ name }) => name)).toEqual(known)
  expect(parseQueueChoice('', known).map(({ name }) => name)).toEqual(known)
})

test.each(['flus', 'flush:0', 'flush:many', 'flush:', 'flush,flush', ':2'])('%j is refused', (text) => {
  expect(() => parseQueueChoice(text, known)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})
