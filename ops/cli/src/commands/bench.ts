import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { AppError, type ErrorCode } from '@tallyfleet/domain'
import { ROOT } from '../context.ts'
import { table, type CommandResult } from '../output.ts'

type Report = {
  hardware: string
  arms: { name: string; median: number; spread: number; unit: string }[]
  checks: { name: string; ratio: number; goal: number; better: 'higher' | 'lower' }[]
  ratio: number
  goal: number
}

/**
 * Runs a benchmark of `ops/load` in a process of its own. Progress goes to standard error. A missed goal is a warning:
 * figures depend on the machine; a wrong count is an error.
 * @param options as `ops/load/src/main.ts` takes them; what is undefined is as usual for the benchmark
 */
export async function bench(name: string, options: Record<string, string | number | boolean | undefined>): Promise<CommandResult> {
  const args = Object.entries(options).flatMap(([option, value]) =>
    value === undefined || value === false ? [] : value === true ? [`--${option}`] : [`--${option}`, String(value)])
  const child = spawn(process.execPath, [join(ROOT, 'ops/load/src/main.ts'), name, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, pass)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text })
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, pass)
  const answer = parsed(output.trimEnd().split('\n').at(-1)!)
  if (!answer) throw new AppError('BUG', `the benchmark ended with ${signal ?? code} and no report`)
  if ('error' in answer) throw new AppError(answer.error.code, answer.error.message)
  return { data: answer, text: textOf(answer), warnings: missedOf(answer) }
}

function parsed(line: string): Report | { error: { code: ErrorCode; message: string } } | undefined {
  try {
    return JSON.parse(line) as Report
  } catch {
    return undefined
  }
}

function isMet({ ratio, goal, better }: Report['checks'][number]): boolean {
  return better === 'higher' ? ratio >= goal : ratio <= goal
}

function missedOf({ checks }: Report): string[] {
  return checks.filter((check) => !isMet(check)).map(({ name, ratio, goal, better }) =>
    `goal missed: ${name} is ${rounded(ratio)}, wanted ${better === 'higher' ? 'at least' : 'at most'} ${goal}`)
}

function textOf({ hardware, arms, checks }: Report): string {
  return [
    hardware,
    table(['arm', 'median', 'spread', 'unit'], arms.map(({ name, median, spread, unit }) => [name, rounded(median), rounded(spread), unit])),
    '',
    table(['check', 'ratio', 'goal', ''], checks.map((check) =>
      [check.name, rounded(check.ratio), `${check.better === 'higher' ? '≥' : '≤'} ${check.goal}`, isMet(check) ? 'met' : 'MISSED'])),
  ].join('\n')
}

function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
