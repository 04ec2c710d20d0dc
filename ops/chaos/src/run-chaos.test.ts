import { expect, test } from 'vitest'
import { shrinkSchedule } from './run-chaos.ts'
import type { Schedule, Strike } from './schedule.ts'

function strikes(...names: string[]): Strike[] {
  return names.map((name) => ({ name, nth: 1, draw: 0 }))
}

test('a failing schedule shrinks to the strikes that make it fail', async () => {
  const schedule: Schedule = {
    seed: 's', round: 1, kind: 'lanes', stores: 'embedded', durability: 'everysec', power: false, breaks: undefined,
    strikes: [strikes('a', 'b', 'bad', 'c', 'd', 'e', 'worse'), strikes('f', 'g', 'h')],
  }
  let tries = 0
  const fails = async ({ strikes: [first] }: Schedule) => {
    tries++
    return ['bad', 'worse'].every((name) => first.some((one) => one.name === name))
  }
  const smallest = await shrinkSchedule(schedule, fails, () => {})
  expect(smallest.strikes).toEqual([strikes('bad', 'worse'), []])
  expect(tries).toBeLessThan(40)
})
