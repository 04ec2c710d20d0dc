import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

test('a process whose event loop is blocked for good is ended, and one that is not lives', async () => {
  const child = fork(new URL('./blocked.fixture.ts', import.meta.url), [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  try {
    let words = ''
    child.stderr!.on('data', (part) => { words += String(part) })
    await once(child, 'message')
    const early = await Promise.race([once(child, 'exit'), new Promise((done) => setTimeout(done, 1_000, 'lives'))])
    expect(early).toBe('lives') // for twice the limit
    child.send('block')
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
    expect(words).toContain('event loop blocked')
  } finally {
    child.kill('SIGKILL')
  }
}, 30_000)
