import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { AppError, toAppError } from '@tallyfleet/domain'
import { BREAK_NAMES, type Break } from './breaks.ts'
import { DURABILITIES, KILL_POINTS, type Durability } from './kill-points.ts'
import { FLEET_NEMESES } from './fleet-nemeses.ts'
import { NEMESES } from './nemeses.ts'
import { writeProof } from './proof.ts'
import { redisVersion } from './redis-server.ts'
import { replayChaos, runChaos } from './run-chaos.ts'
import { listFleetStrikes, listStrikes, type Edition, type Schedule } from './schedule.ts'

const USAGE = 2
const DEFAULTS: Record<string, string> = { minutes: '1', stores: 'embedded', durability: 'everysec' }

/** `main.ts run|ls --seed S --minutes M …`: the last line of standard output is the answer as JSON, or `{error}`. */
async function main(): Promise<unknown> {
  const { values, positionals: [act, file] } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string' }, minutes: { type: 'string', default: DEFAULTS['minutes']! }, kills: { type: 'string' }, only: { type: 'string' },
      proof: { type: 'string' }, fleet: { type: 'boolean', default: false },
      stores: { type: 'string', default: DEFAULTS['stores']! }, durability: { type: 'string', default: DEFAULTS['durability']! }, break: { type: 'string' },
      shrink: { type: 'boolean', default: false }, tries: { type: 'string', default: '3' },
    },
  })
  if (act === 'ls') {
    return { points: KILL_POINTS, nemeses: NEMESES.map(describe), fleet: FLEET_NEMESES.filter(({ name }) => !NEMESES.some((one) => one.name === name)).map(describe) }
  }
  const say = (text: string) => { process.stderr.write(`${text}\n`) }
  if (act === 'replay') {
    return await replayChaos(readSchedule(file), { tries: positive('--tries', values.tries), shrink: values.shrink, say })
  }
  const stores = oneOf<Edition>('--stores', values.stores, ['embedded', 'servers'])
  const durability = oneOf<Durability>('--durability', values.durability, DURABILITIES)
  if (values.only !== undefined) oneOf('--only', values.only, values.fleet ? listFleetStrikes(stores, durability) : listStrikes(stores, durability))
  return await runChaos({
    kind: values.fleet ? 'fleet' : 'lanes', stores, only: values.only, seed: values.seed ?? String(Date.now()), minutes: positive('--minutes', values.minutes),
    durability,
    breaks: values.break === undefined ? undefined : oneOf<Break>('--break', values.break, BREAK_NAMES),
    kills: values.kills === undefined ? undefined : positive('--kills', values.kills),
    onRound: (report, { servers }) => {
      if (values.proof === undefined) return
      writeProof(values.proof, report, ['run', ...namedOf({ ...values, seed: report.seed })],
        { node: process.version.slice(1), redis: redisVersion(), ...servers?.versions })
    },
    say,
  })
}

/** The options of the run in one order, without those that are as always: one run has one name in the page. */
function namedOf(values: Record<string, string | boolean | undefined>): string[] {
  const order = ['seed', 'fleet', 'stores', 'durability', 'break', 'only', 'kills', 'minutes'] as const
  return order.flatMap((name) => {
    const value = values[name]
    if (value === undefined || value === false || value === DEFAULTS[name]) return []
    return value === true ? [`--${name}`] : [`--${name}`, String(value)]
  })
}

function readSchedule(file: string | undefined): Schedule {
  try {
    return JSON.parse(readFileSync(file ?? '', 'utf8')) as Schedule
  } catch (cause) {
    throw new AppError('USAGE_INVALID', `no schedule can be read from ${file}: ${(cause as Error).message}`, { cause })
  }
}

function describe({ name, weakest, what }: { name: string; weakest: string; what: string }) {
  return { name, weakest, what }
}

function oneOf<Name extends string>(option: string, value: string, names: readonly Name[]): Name {
  if (!names.includes(value as Name)) throw new AppError('USAGE_INVALID', `${option} must be one of ${names.join(', ')}`)
  return value as Name
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1e6)) throw new AppError('USAGE_INVALID', `${option} ${JSON.stringify(text)} is no number above 0`)
  return value
}

// An exit ends every process of the run; a signal alone would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  process.stdout.write(`${JSON.stringify(await main())}\n`)
} catch (thrown) {
  const { code, message } = toAppError(thrown)
  process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`)
  if (code === 'BUG') process.stderr.write(`${String((thrown as Error).stack)}\n`)
  process.exitCode = code === 'USAGE_INVALID' ? USAGE : 1
}
process.exit() // whatever a failed run left open
