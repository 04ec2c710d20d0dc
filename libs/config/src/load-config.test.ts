import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { loadConfig } from './load-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const schema = z.object({
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  REDIS_URL: z.string().optional(),
  METRICS: z.stringbool().default(true),
  SECRET: z.string().min(8),
})

function secretFile(content: string): string {
  const path = join(folder, `secret-${content.length}`)
  writeFileSync(path, content)
  return path
}

function faultsOf(env: Record<string, string>): { pointer: string; detail: string }[] {
  try {
    loadConfig(schema, env)
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') return error.details.errors ?? []
    throw error
  }
  return []
}

test('an empty text counts as unset, and names that the schema lacks are ignored', () => {
  const config = loadConfig(schema, { HTTP_PORT: '', REDIS_URL: '', METRICS: 'off', SECRET: 'long enough', PATH: '/bin' })
  expect(config).toEqual({ HTTP_PORT: 8080, METRICS: false, SECRET: 'long enough' })
})

test('settings are frozen', () => {
  const config = loadConfig(schema, { SECRET: 'long enough' }) as { HTTP_PORT: number }
  expect(() => { config.HTTP_PORT = 1 }).toThrow(TypeError)
})

test('a value may come from a file, white space at its ends dropped', () => {
  expect(loadConfig(schema, { SECRET_FILE: secretFile('from a file\n') }).SECRET).toBe('from a file')
})

test('a name given both ways is a fault', () => {
  expect(faultsOf({ SECRET: 'long enough', SECRET_FILE: secretFile('from a file\n') }))
    .toEqual([{ pointer: '/SECRET', code: 'FIELD_INVALID', detail: 'is set twice: as SECRET and as SECRET_FILE' }])
})

test('all faults come at once, and none repeats the value', () => {
  const faults = faultsOf({ HTTP_PORT: 'eighty', METRICS: 'perhaps', SECRET: 'hunter2' })
  expect(faults.map((fault) => fault.pointer)).toEqual(['/HTTP_PORT', '/METRICS', '/SECRET'])
  expect(JSON.stringify(faults)).not.toMatch(/hunter2/)
})

test('a file that cannot be read is told once', () => {
  expect(faultsOf({ SECRET_FILE: join(folder, 'absent') }).map((fault) => fault.pointer)).toEqual(['/SECRET'])
})
