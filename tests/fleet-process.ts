import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const ROOT = resolve(import.meta.dirname, '..')
const CLI = join(ROOT, 'ops/cli/src/main.ts')

type Env = Record<string, string>
export type CliAnswer = { exit: number; stdout: string; stderr: string; json: { ok: boolean; data: any; error?: { code: string } } }

/** A running `fleet up` with a home of its own. */
export type FleetProcess = {
  url: string
  key: string
  home: string
  env: Env
  pid: number
  stderr(): string
  /** Runs a command with `--json` on this home. */
  cli(...args: string[]): Promise<CliAnswer>
  get(path: string): Promise<{ status: number; body: any }>
  post(path: string, body: unknown): Promise<{ status: number; body: any }>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL to `up` alone. */
  kill(): Promise<void>
}

/** The environment of a fleet that knows nothing of this shell's. */
export function cleanEnv(home: string, more: Env = {}): Env {
  const { PATH = '', HOME = '', XDG_CACHE_HOME } = process.env
  return { PATH, HOME, ...(XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {}), FLEET_HOME: home, HTTP_PORT: '0', RATE_LIMIT_PER_MINUTE: '0', INGEST_EVENTS_PER_MINUTE: '0', ...more }
}

export async function newHome(): Promise<{ home: string; remove: () => Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'fleet-home-'))
  return { home, remove: () => rm(home, { recursive: true, force: true }) }
}

/** Runs a command to its end. */
export async function runCli(env: Env, args: string[], input?: string): Promise<CliAnswer> {
  const child = spawn(process.execPath, [CLI, ...args, '--json'], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  const [stdout, stderr, exit] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exitOf(child)])
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  return { exit: exit ?? -1, stdout, stderr, json: line.startsWith('{') ? JSON.parse(line) : undefined }
}

/** Starts `fleet up` and resolves once it says that it is up. Rejects with its words when it ends before. */
export async function startFleet(env: Env): Promise<FleetProcess> {
  const child = spawn(process.execPath, [CLI, 'up'], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let errors = ''
  child.stderr.on('data', (part) => { errors = (errors + String(part)).slice(-20_000) })
  const exited = exitOf(child)
  const url = await new Promise<string>((found, lost) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = /start page\s+(http:\/\/[^/]+)\//.exec(line)
      if (match) found(match[1]!)
    })
    void exited.then((code) => lost(new Error(`fleet up ended with ${code}: ${errors}`)))
  })
  const key = (await readFile(join(env['FLEET_HOME']!, 'first-key'), 'utf8')).trim()
  const request = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(url + path, {
      method, headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
  }
  return {
    url, key, env, home: env['FLEET_HOME']!, pid: child.pid!,
    stderr: () => errors,
    cli: (...args) => runCli(env, args),
    get: (path) => request('GET', path),
    post: (path, body) => request('POST', path, body),
    stop: async () => { child.kill('SIGTERM'); return await exited },
    kill: async () => { child.kill('SIGKILL'); await exited },
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => child.once('exit', (code) => done(code)))
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const part of stream) text += String(part)
  return text
}
