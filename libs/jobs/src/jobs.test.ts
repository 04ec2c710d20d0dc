import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { jobs } from './index.ts'
import { processors } from './processors.ts'

const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)

test('every folder is a job of its name, in both registries', () => {
  expect(jobs.map(({ name }) => name).sort()).toEqual(folders.sort())
  expect(processors.map(({ definition }) => definition)).toEqual(jobs)
})

test('names are unique, and fit a queue and a job id', () => {
  expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length)
  for (const { name, queue } of jobs) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(queue).toMatch(/^[a-z]+(-[a-z]+)*$/)
  }
})

test('an empty payload is a whole one for every schedule, and comes back from JSON as it was', () => {
  for (const { payload, schedule } of jobs) {
    if (!schedule) continue
    const parsed = payload.parse({})
    expect(payload.parse(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed)
  }
})

test('a job is known by its id for longer than its tries can take', () => {
  for (const { attempts, timeoutMs, maxBackoffMs, keepFailedSeconds } of jobs) {
    expect(keepFailedSeconds * 1_000).toBeGreaterThan(attempts * (timeoutMs + maxBackoffMs))
  }
})
