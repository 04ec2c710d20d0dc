import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { serverKinds, type ServerKind, type TestServer } from './server-kinds.ts'
import { spawnServer, type SpawnedServer } from './spawned-server.ts'

const services = resolve(import.meta.dirname, '../../../ops/services')
/** A first start may download and build for minutes. */
const timeoutMs = 10 * 60_000

/**
 * Starts, once for a whole run and all at the same time, each server that a chosen test file names in quotes;
 * a URL in the environment stands in for one. Ends them when the run does.
 *
 * `TEST_SERVICES=redis,mysql` starts no others (none at all when empty).
 */
export default async function globalSetup(project: TestProject): Promise<() => Promise<void>> {
  const running: SpawnedServer[] = []
  const folders: string[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((server) => server.stop()))
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  }

  const given = await givenServers()
  const allowed = process.env['TEST_SERVICES']?.split(',').map((name) => name.trim())
  const provide = async (kind: ServerKind): Promise<TestServer> => {
    const url = given[kind]
    if (url !== undefined) return { url }
    if (allowed && !allowed.includes(kind)) return { skip: `TEST_SERVICES leaves ${kind} out`, missing: false }
    if (kind === 'elasticsearch-8' && !allowed && process.env['FLEET_LONG'] !== '1') {
      return { skip: `${kind} is part of the long run: ./fleet test --long`, missing: false }
    }
    const folder = await mkdtemp(join(tmpdir(), `fleet-${kind}-`))
    folders.push(folder)
    const [script, ...args] = serverKinds[kind].start
    const start = () => spawnServer({
      command: join(services, script), args, env: { PORT: '0', DATA_DIR: folder }, timeoutMs, ownedFolders: [folder]
    })
    try {
      // Twice, for the free port that somebody else took in the meantime.
      const server = await start().catch(start)
      running.push(server)
      return { url: server.url }
    } catch (error) {
      const skip = `no ${kind} server; see why with: ops/services/${[script, ...args].join(' ')}`
      console.error(`${skip}\n${(error as Error).message}`)
      return { skip, missing: true }
    }
  }

  const kinds = await namedKinds(project.vitest.state.getPaths())
  try {
    const entries = await Promise.all(kinds.map(async (kind) => [kind, await provide(kind)] as const))
    project.provide('testServers', Object.fromEntries(entries))
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

/** A run of one pure test file should not wait for five servers. */
async function namedKinds(paths: readonly string[]): Promise<ServerKind[]> {
  const sources = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
  return (Object.keys(serverKinds) as ServerKind[]).filter((kind) =>
    sources.some((source) => /@tallyfleet\/testing|stores-on-servers/.test(source) && new RegExp(`['"\`]${kind}['"\`]`).test(source)))
}

async function givenServers(): Promise<Partial<Record<ServerKind, string>>> {
  const given: Partial<Record<ServerKind, string>> = {}
  for (const kind of ['redis', 'mysql', 'mongo'] as const) {
    const url = process.env[serverKinds[kind].env]
    if (url) given[kind] = url
  }
  for (const url of process.env['TEST_SEARCH_URL']?.split(',').map((text) => text.trim()).filter(Boolean) ?? []) {
    given[await searchEngine(url)] = url
  }
  return given
}

async function searchEngine(url: string): Promise<'elasticsearch' | 'elasticsearch-8' | 'opensearch'> {
  const { username, password, origin } = new URL(url)
  const headers = new Headers()
  if (username) headers.set('authorization', `Basic ${btoa(decodeURIComponent(`${username}:${password}`))}`)
  const { version } = await (await fetch(origin, { headers })).json() as { version: { distribution?: string, number: string } }
  if (version.distribution === 'opensearch') return 'opensearch'
  return version.number.startsWith('8.') ? 'elasticsearch-8' : 'elasticsearch'
}
