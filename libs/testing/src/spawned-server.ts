import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A server in a process group of its own, from its ready line to its end. */
export interface SpawnedServer {
  url: string
  /** The server itself, not a shell around it: what a chaos test kills. */
  pid: number
  /** SIGTERM, then SIGKILL to whatever is left after 20 s; resolves when the server has ended. */
  stop(): Promise<void>
  /** SIGKILL to the whole group, as the kernel does when memory runs out. */
  kill(): Promise<void>
}

export interface SpawnServerOptions {
  command: string
  args: readonly string[]
  env: Record<string, string>
  /** How long until the ready line, a first installation included. */
  timeoutMs: number
  /** Folders that end with this process. */
  ownedFolders?: readonly string[]
}

/**
 * Starts a program that prints `ready <url>` on standard output once it serves.
 * Rejects with the last words of its standard error when it ends or is silent before that.
 */
export async function spawnServer(options: SpawnServerOptions): Promise<SpawnedServer> {
  const child = spawn(options.command, options.args, {
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  // Later than its exit, by what it still had to say; a process it left behind may hold the pipe for good.
  const silent = new Promise<void>((resolve) => { child.once('close', () => resolve()) })
  let lastWords = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { lastWords = (lastWords + text).slice(-2000) })
  let failure: Error | undefined
  child.once('error', (error) => { failure = error })
  const guard = child.pid === undefined ? undefined : startGuard(child.pid, options.ownedFolders ?? [])

  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    signalGroup(child, signal)
    const patience = setTimeout(() => signalGroup(child, 'SIGKILL'), 20_000)
    await ended
    clearTimeout(patience)
    // Once more, for what the server itself left running in its group.
    signalGroup(child, 'SIGKILL')
    guard?.kill('SIGKILL')
  }

  const url = await new Promise<string | undefined>((resolve) => {
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      const match = /^ready (\S+)$/.exec(line)
      if (match) resolve(match[1])
    })
    const timer = setTimeout(() => resolve(undefined), options.timeoutMs)
    void ended.then(() => resolve(undefined))
    lines.once('close', () => clearTimeout(timer))
  })
  if (url === undefined || child.pid === undefined) {
    const still = child.exitCode === null && child.signalCode === null && failure === undefined
    await end('SIGKILL')
    await Promise.race([silent, new Promise((resolve) => { setTimeout(resolve, 1000) })])
    const why = failure?.message ?? (still ? `not ready after ${options.timeoutMs / 1000} s` : 'ended before it was ready')
    throw new Error([why, lastWords.trim()].filter(Boolean).join('\n'))
  }
  // It must not keep a test process alive that has nothing else to do: the guard sees to its end.
  child.unref()
  for (const stream of [child.stdout, child.stderr]) (stream as { unref?(): void }).unref?.()
  return { url, pid: child.pid, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * A process that outlives this one: it ends the group when the pipe to us breaks. Nothing inside this process could
 * do so after a SIGKILL.
 */
function startGuard(group: number, folders: readonly string[]): ChildProcess {
  const guard = spawn('sh', ['-c', `
    read -r _
    group=$1; shift
    kill -TERM "-$group" 2>/dev/null
    tries=0
    while kill -0 "-$group" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "-$group" 2>/dev/null
    for folder; do rm -rf "$folder"; done
  `, 'guard', String(group), ...folders], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  guard.unref()
  ;(guard.stdin as unknown as { unref?(): void }).unref?.()
  return guard
}

/** Waits for the end of a program that does its work and goes; resolves to what it printed. */
export async function runProgram(command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const [code] = await once(child, 'close') as [number | null]
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${errors}${output}`)
  return output
}
