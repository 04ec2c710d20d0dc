import { parseArgs } from 'node:util'
import { AppError, toAppError } from '@tallyfleet/domain'
import { benches, usualSeconds } from './benches.ts'
import { describe, reportOf } from './harness.ts'

const USAGE = 2

/** `main.ts NAME [--seconds N] [--repeats N] [--full] [--json]`. With --json the last line of stdout is the report, or `{error}`. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string' }, repeats: { type: 'string', default: '5' },
      full: { type: 'boolean', default: false }, json: { type: 'boolean', default: false },
    },
  })
  const [name = ''] = positionals
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (!load) throw new AppError('USAGE_INVALID', `no benchmark ${JSON.stringify(name)}; there are ${Object.keys(benches).join(', ')}`)
  const options = {
    seconds: positive('--seconds', values.seconds ?? String(usualSeconds(name))), repeats: positive('--repeats', values.repeats), full: values.full,
    say: (text: string) => { process.stderr.write(`${text}\n`) },
  }
  const bench = await load()
  const report = reportOf(name, options, await bench(options))
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${describe(report)}\n`)
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 10_000)) throw new AppError('USAGE_INVALID', `${option} ${JSON.stringify(text)} is no number above 0`)
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
