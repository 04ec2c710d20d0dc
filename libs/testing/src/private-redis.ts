import { cp, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runProgram, spawnServer, type SpawnedServer } from './spawned-server.ts'
import { waitUntil } from './wait-until.ts'

const start = resolve(import.meta.dirname, '../../../ops/services/redis/start')
const timeoutMs = 120_000

export interface PrivateRedis extends SpawnedServer {
  port: number
  /** Copies its folder as it is now, once it does not write its append-only file anew: a copy of that would be torn. */
  copyTo(folder: string): Promise<void>
}

export interface PrivateRedisOptions {
  /** Where its append-only file is. Without one its data ends with it. */
  dir?: string
  /** The port of one that was killed, for its clients to find the next one. Any free one by default. */
  port?: number
  /** More options of redis-server. */
  args?: readonly string[]
}

/** A Redis for one test, which may kill it and start another on the same folder and port. */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const dir = options.dir ?? await mkdtemp(join(tmpdir(), 'fleet-private-redis-'))
  const owned = options.dir === undefined ? [dir] : []
  const forget = () => Promise.all(owned.map((folder) => rm(folder, { recursive: true, force: true })))
  const spawn = () => spawnServer({
    command: start,
    args: options.args ?? [],
    env: { PORT: String(options.port ?? 0), DATA_DIR: dir },
    timeoutMs,
    ownedFolders: owned
  })
  // Twice, for the free port that somebody else took in the meantime.
  const server = await (options.port === undefined ? spawn().catch(spawn) : spawn())
  return {
    url: server.url,
    pid: server.pid,
    port: Number(new URL(server.url).port),
    copyTo: async (folder) => {
      const cli = (await runProgram(start, ['--print-cli'], timeoutMs)).trim()
      await waitUntil(async () => {
        const info = await runProgram(cli, ['-p', new URL(server.url).port, 'info', 'persistence'], 5_000)
        return info.includes('aof_rewrite_in_progress:0') && info.includes('aof_rewrite_scheduled:0')
      }, { timeoutMs: 30_000 })
      await cp(dir, folder, { recursive: true })
    },
    stop: async () => { await server.stop(); await forget() },
    kill: async () => { await server.kill(); await forget() }
  }
}

export interface RedisCluster {
  /** Three masters and three replicas, in the order of their ports. */
  nodes: PrivateRedis[]
  stop(): Promise<void>
}

/** A Redis Cluster of six nodes on the loopback interface, ready for commands. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const cli = (await runProgram(start, ['--print-cli'], timeoutMs)).trim()
  const first = await freeClusterPorts(6)
  const nodes = await Promise.all(Array.from({ length: 6 }, (_, index) => startPrivateRedis({
    port: first + index,
    args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-config-file', 'nodes.conf']
  })))
  const stop = async () => { await Promise.all(nodes.map((node) => node.stop())) }
  try {
    await runProgram(cli, ['--cluster', 'create', ...nodes.map((node) => `127.0.0.1:${node.port}`),
      '--cluster-replicas', '1', '--cluster-yes'], 60_000)
    for (const node of nodes) {
      await waitUntil(async () => {
        const info = await runProgram(cli, ['-h', '127.0.0.1', '-p', String(node.port), 'cluster', 'info'], 5000)
        return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:6')
      }, { timeoutMs: 30_000 })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, stop }
}

/** Each node also listens 10,000 above its port; both must stay below what outgoing connections take. */
async function freeClusterPorts(count: number): Promise<number> {
  for (;;) {
    const first = 12_000 + Math.floor(Math.random() * 7000)
    const ports = Array.from({ length: count }, (_, index) => [first + index, first + index + 10_000]).flat()
    const taken = await Promise.all(ports.map(listens))
    if (!taken.includes(true)) return first
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}
