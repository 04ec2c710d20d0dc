import { readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError, toAppError } from '@tallyfleet/domain'
import { benches, usualSeconds } from './benches.ts'
import { describe, reportOf } from './harness.ts'
import { commitOf, putBlock } from './page.ts'

const USAGE = 2
/** A process id on Linux is smaller. */
const MOST = 2 ** 22

const ROOT = join(import.meta.dirname, '../../..')

/**
 * `main.ts NAME [--seconds N] [--repeats N] [--full] [--url URL --kind KIND [--pid PID]] [--write] [--json]`. With --json the last
 * line of stdout is the report, or `{error}`; with --write its table stands in docs/performance.md. `PEER_TOKEN` is the
 * key of the system at --url.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string' }, repeats: { type: 'string', default: '5' },
      full: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, write: { type: 'boolean', default: false },
      url: { type: 'string' }, kind: { type: 'string', default: 'goatcounter' }, pid: { type: 'string' },
    },
  })
  const [name = ''] = positionals
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (!load) throw new AppError('USAGE_INVALID', `no benchmark ${JSON.stringify(name)}; there are ${Object.keys(benches).join(', ')}`)
  const options = {
    seconds: positive('--seconds', values.seconds ?? String(usualSeconds(name))), repeats: positive('--repeats', values.repeats), full: values.full,
    ...(values.url === undefined ? {} : { peer: { url: values.url, kind: values.kind, token: process.env['PEER_TOKEN'] ?? '', ...(values.pid === undefined ? {} : { pid: positive('--pid', values.pid) }) } }),
    say: (text: string) => { process.stderr.write(`${text}\n`) },
  }
  const bench = await load()
  const [loadBefore = 0] = loadavg()
  const report = reportOf(name, options, await bench(options))
  if (values.write) {
    const page = join(ROOT, 'docs/performance.md')
    const command = ['./fleet bench', ...process.argv.slice(2).filter((arg) => arg !== '--json')].join(' ')
    writeFileSync(page, putBlock(readFileSync(page, 'utf8'), report, { command, loadBefore, day: new Date().toISOString().slice(0, 10), commit: commitOf(ROOT) }))
  }
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${describe(report)}\n`)
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < MOST)) throw new AppError('USAGE_INVALID', `${option} ${JSON.stringify(text)} is no number above 0`)
  return value
}

// An exit runs what the workplace left behind; a signal alone would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  await main()
} catch (thrown) {
  const { code, message } = toAppError(thrown)
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
  else process.stderr.write(`bench: ${code}: ${message}\n`)
  if (code === 'BUG') process.stderr.write(`${String((thrown as Error).stack)}\n`)
  process.exitCode = code === 'USAGE_INVALID' ? USAGE : 1
}
