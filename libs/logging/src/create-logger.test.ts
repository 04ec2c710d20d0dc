import { expect, test } from 'vitest'
import { createLogger } from './create-logger.ts'

function setup(level: 'debug' | 'info' = 'info') {
  const lines: Record<string, any>[] = []
  const log = createLogger({ app: 'api', level, destination: { write: (line: string) => { lines.push(JSON.parse(line)) } } })
  return { log, lines }
}

test('a line is JSON with level, time, app and message', () => {
  const { log, lines } = setup()
  log.child({ queue: 'flush' }).info({ count: 3 }, 'job done')
  log.debug({}, 'below the level')
  expect(lines).toEqual([{
    level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), app: 'api', pid: process.pid, queue: 'flush', count: 3,
    message: 'job done',
  }])
})

test('secrets and personal data are removed, also deeper down and from children', () => {
  const { log, lines } = setup()
  log.child({ token: 'hush' }).warn({
    password: 'hush', req: { headers: { authorization: 'hush', 'set-cookie': 'hush' } }, user: { email: 'hush', ip: 'hush' },
  }, 'request')
  expect(JSON.stringify(lines)).not.toContain('hush')
  expect(lines[0]?.user).toEqual({ email: '[removed]', ip: '[removed]' })
})

test('a URL inside an error loses its credentials', () => {
  const { log, lines } = setup()
  log.error({ err: new Error('cannot reach redis://me:hush@host/0', { cause: new Error('x') }) }, 'store lost')
  expect(JSON.stringify(lines)).not.toContain('hush')
  expect(lines[0]?.err.message).toBe('cannot reach redis://host/0')
})

test('an error keeps its cause and its details, without the secrets in them', () => {
  const { log, lines } = setup()
  const failed = Object.assign(new Error('outer', { cause: new Error('redis://me:hush@host/1 is away') }), { details: { token: 'hush', tries: 2 } })
  log.error({ err: failed, others: [failed, { deep: { er: { still: { email: 'hush' } } } }] }, 'store lost')
  expect(JSON.stringify(lines)).not.toContain('hush')
  expect(lines[0]?.err).toMatchObject({ type: 'Error', details: { token: '[removed]', tries: 2 }, stack: expect.stringContaining('create-logger.test') })
  expect(JSON.stringify(lines[0]?.err)).toContain('redis://host/1 is away')
})

test('what is logged is left as it was, a loop in it ends, and a date is written as one', () => {
  const { log, lines } = setup()
  const loop: Record<string, unknown> = { token: 'mine', at: new Date(0) }
  loop['self'] = loop
  log.child({ request: loop }).child({ password: 'hush' }).info({ loop }, 'looped')
  expect(loop['token']).toBe('mine')
  expect(lines[0]).toMatchObject({ password: '[removed]', request: { token: '[removed]' } })
  expect(lines[0]?.loop).toMatchObject({ token: '[removed]', at: '1970-01-01T00:00:00.000Z' })
  expect(JSON.stringify(lines)).not.toMatch(/mine|hush/)
})
