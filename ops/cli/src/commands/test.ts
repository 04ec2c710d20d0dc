import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDashboard } from '../build-dashboard.ts'
import { EXIT, type CommandResult } from '../output.ts'

export interface RunTestsOptions {
  /** The runs that take minutes as well: kills, soak, Lighthouse. */
  long: boolean
  /** Parts of the paths of test files; none means all, and the type check with them. */
  filters: string[]
  /** The repository. */
  root: string
  /** Standard output belongs to one JSON object: what the tests print goes to standard error. */
  json: boolean
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** What of vitest's JSON report is read here. */
interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: 'passed' | 'failed', name: string, message: string, assertionResults: { status: string }[] }[]
}

/**
 * Checks the types and runs the tests; the last line is `N passed, N failed, N skipped`. Exit 0 when all that ran
 * passed and something did, else 1.
 */
export async function runTests({ long, filters, root, json }: RunTestsOptions): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-test-'))
  const interruption = new AbortController()
  const interrupt = (signal: NodeJS.Signals) => interruption.abort(signal)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
    const run = (args: string[]) => runNode(args, { root, long, json, interruption: interruption.signal })
    if (filters.length === 0) {
      const server = await run(['node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.json'])
      const dashboard = await run(['node_modules/vue-tsc/bin/vue-tsc.js', '--noEmit', '-p', 'apps/dashboard/tsconfig.json'])
      for (const [what, code] of [['server', server], ['dashboard', dashboard]] as const) {
        counts[code === 0 ? 'passed' : 'failed'] += 1
        process.stderr.write(code === 0 ? `The types of the ${what} fit.\n` : `The types of the ${what} do not fit.\n`)
      }
    }
    if (filters.length === 0) await buildDashboard((line) => process.stderr.write(`${line}\n`))
    if (!interruption.signal.aborted) {
      const report = join(folder, 'report.json')
      const code = await run(['node_modules/vitest/vitest.mjs', 'run',
        '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters])
      add(counts, await readReport(report), code)
    }
    if (interruption.signal.aborted) counts.failed += 1
    return {
      data: counts, exit: counts.failed === 0 ? EXIT.ok : EXIT.bug,
      text: `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    await rm(folder, { recursive: true, force: true })
  }
}

/** In this process group, so that Ctrl-C reaches it; a signal to us alone is passed on. Resolves to the exit code. */
function runNode(
  args: string[], { root, long, json, interruption }: Omit<RunTestsOptions, 'filters'> & { interruption: AbortSignal },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...(long && { FLEET_LONG: '1' }) }
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', json ? process.stderr : 'inherit', 'inherit'] })
    const pass = () => child.kill(interruption.reason as NodeJS.Signals)
    interruption.addEventListener('abort', pass, { once: true })
    child.once('error', reject)
    child.once('close', (code) => {
      interruption.removeEventListener('abort', pass)
      resolve(code ?? 1)
    })
  })
}

async function readReport(path: string): Promise<VitestReport | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as VitestReport
  } catch {
    return undefined
  }
}

function add(counts: Counts, report: VitestReport | undefined, code: number): void {
  const before = counts.failed
  counts.passed += report?.numPassedTests ?? 0
  counts.skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  counts.failed += report?.numFailedTests ?? 0
  // A file that does not load, or whose hooks fail, fails without a failed test of its own.
  counts.failed += report?.testResults.filter(({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((test) => test.status === 'failed')).length ?? 0
  const nothingRan = (report?.testResults.length ?? 0) === 0
  // Nothing found, a failed setup or teardown, an unhandled rejection: vitest fails with no test to blame.
  if (counts.failed === before && (code !== 0 || nothingRan)) counts.failed += 1
}
