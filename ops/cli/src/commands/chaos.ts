import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { AppError, type ErrorCode } from '@tallyfleet/domain'
import { ROOT } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

type Counts = Record<string, number>

type Report = {
  seed: string
  stores: string
  durability: string
  rounds: number
  kills: number
  acknowledged: number
  lost: number
  doubled: number
  withinPromise: number
  stuck: number
  reasons: string[]
  seconds: number
  struck: Counts
  missed: Counts
  schedule: string | undefined
}

type Fault = { name: string; weakest: string; what: string }
type Listing = { points: { name: string; step: string; weakest: string }[]; nemeses: Fault[]; fleet: Fault[] }

export type ChaosOptions = Record<string, string | boolean | undefined>

/**
 * Runs the kill harness of `ops/chaos` in a process of its own; what it kills are processes that it started itself, on
 * databases of its own. Progress goes to standard error. Exit 3 when an event was lost or counted twice, or something
 * did not come to rest.
 */
export async function chaosRun(act: 'run' | 'replay', options: ChaosOptions, file?: string): Promise<CommandResult> {
  const given = Object.entries(options).filter(([name, value]) => name !== 'json' && value !== undefined && value !== false)
  const report = await ask<Report>([act, ...(file === undefined ? [] : [file]),
    ...given.flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]))])
  const clean = report.lost === 0 && report.doubled === 0 && report.stuck === 0
  return { data: report, text: textOf(report), exit: clean ? EXIT.ok : EXIT.difference }
}

/** Where processes can be made to die, and what else can happen to them. */
export async function chaosLs(): Promise<CommandResult> {
  const data = await ask<Listing>(['ls'])
  return {
    data,
    text: [table(['kill point', 'step', 'survives in'], data.points.map(({ name, step, weakest }) => [name, step, weakest])), '',
      table(['nemesis', 'survives in', 'what happens'], data.nemeses.map(({ name, weakest, what }) => [name, weakest, what])), '',
      table(['with --fleet', 'survives in', 'what happens'], data.fleet.map(({ name, weakest, what }) => [name, weakest, what]))].join('\n'),
  }
}

function textOf(report: Report): string {
  const { seed, stores, durability, rounds, kills, acknowledged, lost, doubled, withinPromise, stuck, seconds, reasons, schedule } = report
  return [
    `seed ${seed}, ${stores}, ${durability}: ${kills} kills in ${rounds} rounds and ${seconds} s`,
    `acknowledged ${acknowledged}, lost ${lost}, doubled ${doubled}, stuck ${stuck}, within the promise of ${durability} ${withinPromise}`,
    ...reasons, ...(schedule === undefined ? [] : [`play it again with: ./fleet chaos replay ${schedule}`]),
  ].join('\n')
}

async function ask<Answer>(args: string[]): Promise<Answer> {
  const child = spawn(process.execPath, [join(ROOT, 'ops/chaos/src/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, pass)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text })
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, pass)
  if (code === EXIT.interrupted) process.exit(EXIT.interrupted)
  if (!output.startsWith('{')) throw new AppError('BUG', `the kill harness ended with ${signal ?? code} and no report`)
  const answer = JSON.parse(output) as Answer | { error: { code: ErrorCode; message: string } }
  if (typeof answer === 'object' && answer !== null && 'error' in answer) throw new AppError(answer.error.code, answer.error.message)
  return answer as Answer
}
