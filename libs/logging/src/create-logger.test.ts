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
