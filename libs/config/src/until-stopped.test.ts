import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { tellStop } from './until-stopped.ts'

const children: ChildProcess[] = []
afterEach(() => { for (const child of children.splice(0)) child.kill('SIGKILL') })

function start(mode: string): { child: ChildProcess; said: (text: string) => Promise<void>; code: Promise<number | null> } {
  const child = fork(new URL('./until-stopped.fixture.ts', import.meta.url), [mode], { execArgv: [], silent: true })
  children.push(child)
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => { stderr += chunk })
  const said = async (text: string) => { while (!stderr.includes(text)) await once(child.stderr!, 'data') }
  return { child, said, code: once(child, 'exit').then(([code]) => code as number | null) }
}

test('the first signal resolves, and a process with nothing left to do ends with 0', async () => {
  const { child, said, code } = start('clean')
  const [message] = await once(child, 'message')
  expect(message).toEqual({ ready: true, role: 'fixture' })
  child.kill('SIGTERM')
  await said('stopping: SIGTERM')
  expect(await code).toBe(0)
})

test('the end of the channel to the parent stops the process', async () => {
  const { child, said, code } = start('clean')
  await once(child, 'message')
  child.disconnect()
  await said('stopping: parent gone')
  expect(await code).toBe(0)
})

test('a child stops when it is told to', async () => {
  const { child, said, code } = start('clean')
  await once(child, 'message')
  tellStop(child)
  await said('stopping: told by parent')
  expect(await code).toBe(0)
})

test('one signal beside being told is no second signal, whichever comes first', async () => {
  const signal = (child: ChildProcess) => child.kill('SIGTERM')
  for (const [first, second] of [[tellStop, signal], [signal, tellStop]] as const) {
    const { child, said, code } = start('until told to end')
    await once(child, 'message')
    first(child)
    await said('stopping: ')
    second(child)
    child.send({ end: true })
    expect(await code).toBe(0)
  }
})

test('a second signal exits 1 at once', async () => {
  const { child, said, code } = start('stuck')
  await once(child, 'message')
  child.kill('SIGINT')
  await said('stopping: SIGINT')
  child.kill('SIGINT')
  await said('second signal')
  expect(await code).toBe(1)
})

test('a process that does not end by the deadline exits 1', async () => {
  const { child, said, code } = start('deadline')
  await once(child, 'message')
  child.kill('SIGTERM')
  await said('stop deadline passed')
  expect(await code).toBe(1)
})

test('an uncaught fault of the environment exits 4 and says so in plain words', async () => {
  const { child, said, code } = start('fault')
  const [message] = await once(child, 'message')
  expect(message).toEqual({ fault: 'the environment has faults' })
  await said('the environment has faults\n')
  expect(await code).toBe(4)
})

test('a rejected top-level await is fatal, and an unreachable dependency exits 5', async () => {
  const { said, code } = start('reject')
  await said('uncaught error')
  expect(await code).toBe(5)
})
