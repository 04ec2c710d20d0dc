import { spawn } from 'node:child_process'
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './context.ts'

const FOLDER = join(ROOT, 'apps/dashboard')
const BUILD = join(FOLDER, 'dist')
const SOURCES = ['index.html', 'package.json', 'public', 'src', 'vite.config.ts']

/**
 * Builds the dashboard when a source is newer than the build: seconds. The new build takes the old one's place at once,
 * so a fleet that starts meanwhile finds a whole one. Resolves to whether there is a build; a failure is said, because
 * the fleet counts without a dashboard too.
 */
export async function buildDashboard(say: (line: string) => void): Promise<boolean> {
  if (isFresh()) return true
  say('building the dashboard (seconds, after a change)')
  const fresh = `${BUILD}.${process.pid}.tmp`
  const old = `${BUILD}.${process.pid}.old.tmp`
  try {
    const code = await run([join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', fresh, '--logLevel', 'error'])
    if (code !== 0) throw new Error(`vite ended with ${code}`)
    if (existsSync(BUILD)) renameSync(BUILD, old)
    renameSync(fresh, BUILD)
  } catch (error) {
    // Somebody else may have put theirs there first: as good as ours.
    if (!isFresh()) say(`the dashboard was not built: ${(error as Error).message}`)
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true })
  }
  return existsSync(join(BUILD, 'index.html'))
}

function isFresh(): boolean {
  const page = join(BUILD, 'index.html')
  if (!existsSync(page)) return false
  const builtAt = statSync(page).mtimeMs
  return SOURCES.every((name) => newestIn(join(FOLDER, name)) <= builtAt)
}

function newestIn(path: string): number {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))))
}

function run(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    // Any other NODE_ENV of the caller would build Vue for development.
    const env = { ...process.env, NODE_ENV: 'production' }
    const child = spawn(process.execPath, args, { cwd: FOLDER, env, stdio: ['ignore', process.stderr, process.stderr] })
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
