import { defineJob, silentLog, type Job as JobOf } from '@tallyfleet/ports'
import type { Job } from 'bullmq'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { RunningTry } from './running-try.ts'
import { TryClock } from './try-clock.ts'

const jobs = new Map([['quick', 20, 50] as const, ['slow', 1_000, 3_000] as const].map(([name, softTimeoutMs, timeoutMs]): [string, JobOf<any, any>] => {
  const definition = defineJob({ name, queue: 'tests', payload: z.strictObject({}), softTimeoutMs, timeoutMs })
  return [name, { definition, process: async () => {} }]
}))
const running = new Map<string, RunningTry>()
const start = (name: string, id: string): RunningTry =>
  new RunningTry({ id, name, queueName: 'tests', attemptsStarted: 1 } as Job, running, { jobs, log: silentLog, metrics: undefined })

beforeEach(() => {
  vi.useFakeTimers()
  running.clear()
})
afterEach(() => { vi.useRealTimers() })

test('one timer tells each of many tries of its own timeouts, and none that has ended', () => {
  using clock = new TryClock(running)
  const told: string[] = []
  const begin = (name: string, id: string) => {
    const tried = start(name, id)
    tried.onSoftTimeout = () => { told.push(id) }
    tried.begin()
    clock.watch(tried)
    return tried
  }
  const slow = begin('slow', 'a')
  vi.advanceTimersByTime(500)
  const [quick, ended] = [begin('quick', 'b'), begin('quick', 'c')]
  expect(vi.getTimerCount()).toBe(1)
  ended.endWork()
  ended.leave()
  vi.advanceTimersByTime(21)
  expect(told).toEqual(['b'])
  expect(quick.reason).toBeUndefined()
  vi.advanceTimersByTime(30)
  expect(quick.reason).toMatchObject({ code: 'JOB_TIMED_OUT' })
  vi.advanceTimersByTime(450)
  expect(told).toEqual(['b', 'a'])
  expect(slow.reason).toBeUndefined()
  vi.advanceTimersByTime(2_000)
  expect(slow.reason).toMatchObject({ code: 'JOB_TIMED_OUT' })
  expect(ended.reason).toBeUndefined()
})

test('a job that starts again stops the try before, whose end leaves the new one in its place', () => {
  const [first, second] = [start('slow', 'a'), start('slow', 'a')]
  expect(first.reason).toMatchObject({ why: 'lock lost' })
  first.leave()
  expect(running.get('a')).toBe(second)
  second.leave()
  expect(running.size).toBe(0)
})
