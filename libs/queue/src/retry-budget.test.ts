import { expect, test } from 'vitest'
import { RetryBudget } from './retry-budget.ts'

function retriesOf(budget: RetryBudget, starts: number): number {
  let taken = 0
  for (let start = 0; start < starts; start++) {
    budget.started()
    if (budget.take()) taken += 1
  }
  return taken
}

test('a queue that fails always is retried for a fifth of its starts, after a handful', () => {
  expect(retriesOf(new RetryBudget(), 1_000)).toBeCloseTo(210, -1)
})

test('a budget does not grow for ever', () => {
  const budget = new RetryBudget()
  for (let start = 0; start < 100_000; start++) budget.started()
  let taken = 0
  while (budget.take()) taken += 1
  expect(taken).toBe(100)
})
