import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { AppError } from '@tallyfleet/domain'
import { end, leadsGroup } from './owned-process.ts'
import { freePort, ROOT } from './redis-server.ts'

const KINDS = { mongo: ['mongo/start'], mysql: ['mysql/start'], elasticsearch: ['search/start', 'elasticsearch'] } as const
export type ServerKind = keyof typeof KINDS

/** A first start may have to fetch and build them. */
const START_TIMEOUT_MS = 600_000

type Server = { child: ChildProcess; port: number; url: string }

/** What each says of itself at its start. */
const VERSIONS: Record<ServerKind, (port: number) => Promise<string>> = {
  mongo: async () => /ferretdb=v(\S+)/.exec(await readFile(join(ROOT, 'ops/services/mongo/start'), 'utf8'))![1]!,
  // The first packet of the protocol: four bytes of header, one of its version, then the server's up to a zero.
  mysql: async (port) => {
    const socket = connect(port, '127.0.0.1')
    const [packet] = await once(socket, 'data') as [Buffer]
    socket.destroy()
    return packet.toString('latin1', 5, packet.indexOf(0, 5))
  },
  elasticsearch: async (port) => {
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    return ((await answer.json()) as { version: { number: string } }).version.number
  },
}
const NAMES: Record<ServerKind, string> = { mongo: 'ferretdb', mysql: 'mysql', elasticsearch: 'elasticsearch' }

/** The databases of the servers edition, for this run alone; each can be killed and started again on its data. */
export class DatabaseServers implements AsyncDisposable {
  readonly #folder: string
  readonly #servers = new Map<ServerKind, Server>()
  versions: Record<string, string> = {}

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Rejects with `STORE_UNAVAILABLE` when this machine cannot run one of them. */
  static async start(folder: string): Promise<DatabaseServers> {
    const servers = new DatabaseServers(folder)
    try {
      const kinds = Object.keys(KINDS) as ServerKind[]
      await Promise.all(kinds.map((kind) => servers.#start(kind, undefined)))
      for (const kind of kinds) servers.versions[NAMES[kind]] = await VERSIONS[kind](servers.#servers.get(kind)!.port)
    } catch (error) {
      await servers[Symbol.asyncDispose]()
      throw error
    }
    return servers
  }

  /** The settings of a fleet on these servers, with databases of its own. */
  async envFor(name: string): Promise<Record<string, string>> {
    const url = (kind: ServerKind) => this.#servers.get(kind)!.url
    await deleteIndices(url('elasticsearch'))
    return { ROLLUPS_URL: `${url('mongo')}${name}`, CATALOG_URL: `${url('mysql')}${name}`, SEGMENTS_URL: url('elasticsearch').replace(/\/$/, '') }
  }

  async restart(kind: ServerKind): Promise<void> {
    const { child, port } = this.#servers.get(kind)!
    await end(child, 'SIGKILL')
    await this.#start(kind, port)
  }

  async #start(kind: ServerKind, port: number | undefined): Promise<void> {
    const [program, ...args] = KINDS[kind]
    const own = port ?? await freePort()
    const child = leadsGroup(spawn(join(ROOT, 'ops/services', program), args, {
      env: { ...process.env, PORT: String(own), DATA_DIR: join(this.#folder, kind) }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    }))
    let lastWords = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { lastWords = (lastWords + text).slice(-500) })
    const url = await new Promise<string | undefined>((found) => {
      createInterface({ input: child.stdout! }).on('line', (line) => { if (line.startsWith('ready ')) found(line.slice('ready '.length)) })
      child.once('exit', () => found(undefined))
      setTimeout(() => found(undefined), START_TIMEOUT_MS).unref()
    })
    if (url === undefined) throw new AppError('STORE_UNAVAILABLE', `${kind} did not start: ${lastWords.trim()}`)
    this.#servers.set(kind, { child, port: own, url: url.endsWith('/') ? url : `${url}/` })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#servers.values()].map(({ child }) => end(child, 'SIGTERM')))
  }
}

/** The segments of all rounds stand in the same indices: the next round begins without them. */
async function deleteIndices(url: string): Promise<void> {
  const indices = await (await fetch(`${url}_cat/indices/tallyfleet-*?format=json&h=index`)).json() as { index: string }[]
  for (const { index } of indices) {
    const { status } = await fetch(`${url}${index}`, { method: 'DELETE' })
    if (status !== 200) throw new AppError('STORE_UNAVAILABLE', `the index ${index} was not deleted: ${status}`)
  }
}
