import { createConnection } from 'node:net'
import { describe, expect, it } from 'vitest'
import { describeWithServer, freshName, startPrivateRedis, startRedisCluster, testServer, waitUntil } from '@tallyfleet/testing'

/** Sends one inline command and resolves to the answer's first line: a driver would be a dependency. */
function ask(url: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write(`${command}\r\n`))
    socket.once('data', (data) => { socket.destroy(); resolve(data.toString().split('\r\n', 1)[0] ?? '') })
    socket.once('error', reject)
  })
}

describeWithServer('redis', 'the shared Redis', (url) => {
  it('answers', async () => {
    expect(await ask(url, 'PING')).toBe('+PONG')
  })
})

describe.each(['mysql', 'mongo'] as const)('the shared %s', (kind) => {
  it('listens', async ({ skip }) => {
    const server = testServer(kind)
    if ('skip' in server) return skip(server.skip)
    const { hostname, port } = new URL(server.url)
    const socket = createConnection({ host: hostname, port: Number(port) })
    await new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject) })
    socket.destroy()
  })
})

for (const kind of ['elasticsearch', 'elasticsearch-8', 'opensearch'] as const) {
  describeWithServer(kind, `the shared ${kind}`, (url) => {
    it('says which engine it is', async () => {
      const { version } = await (await fetch(url)).json() as { version: { distribution?: string, number: string } }
      expect(version.distribution === 'opensearch').toBe(kind === 'opensearch')
      expect(version.number.startsWith('8.')).toBe(kind === 'elasticsearch-8')
    })
  })
}

describe('a private Redis', () => {
  it('keeps acknowledged writes of appendfsync always over a kill, on the same port', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises')
    const dir = await mkdtemp(`${(await import('node:os')).tmpdir()}/fleet-test-`)
    const args = ['--appendfsync', 'always']
    const before = await startPrivateRedis({ dir, args })
    expect(await ask(before.url, 'SET survivor 1')).toBe('+OK')
    await before.kill()
    expect(() => process.kill(before.pid, 0)).toThrow()
    const after = await startPrivateRedis({ dir, args, port: before.port })
    expect(after.url).toBe(before.url)
    expect(await ask(after.url, 'EXISTS survivor')).toBe(':1')
    await after.stop()
    await rm(dir, { recursive: true })
  })
})

describe('a Redis Cluster', () => {
  it('serves slots from several nodes', async () => {
    const cluster = await startRedisCluster()
    const answers = await Promise.all(cluster.nodes.map((node) => ask(node.url, 'SET key 1')))
    expect(answers.filter((answer) => answer === '+OK')).toHaveLength(1)
    expect(answers.filter((answer) => answer.startsWith('-MOVED'))).toHaveLength(5)
    await cluster.stop()
    await waitUntil(() => cluster.nodes.every(({ pid }) => { try { process.kill(pid, 0); return false } catch { return true } }))
  })
})

describe('waitUntil', () => {
  it('resolves to the first truthy answer and takes a throw for not yet', async () => {
    let asked = 0
    const answer = await waitUntil(() => {
      asked += 1
      if (asked === 1) throw new Error('not yet')
      return asked > 2 ? 'there' : ''
    }, { intervalMs: 1 })
    expect([answer, asked]).toEqual(['there', 3])
  })

  it('fails in time with the last error as the cause', async () => {
    const cause = new Error('never')
    await expect(waitUntil(() => { throw cause }, { timeoutMs: 20, intervalMs: 1 })).rejects.toMatchObject({ cause })
  })
})

describe('freshName', () => {
  it('fits every server and never repeats', () => {
    expect(freshName('Rollup Store!')).toMatch(/^rollup_store__[0-9a-f]{16}$/)
    expect(freshName('a')).not.toBe(freshName('a'))
  })
})
