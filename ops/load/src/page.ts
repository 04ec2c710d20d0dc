import { execFileSync } from 'node:child_process'
import { AppError } from '@tallyfleet/domain'
import { marginOf, type Report } from './harness.ts'

/** What a reader needs beside the figures to judge them. */
export type Circumstances = { command: string; loadBefore: number; day: string; commit: string }

/** A block of the page as its run wrote it; `undefined` figures where no run has. */
export type Block = { name: string; checks: { name: string; ratio: number; goal: number; met: boolean }[]; command: string }

const NOT_RUN = 'Not measured yet:'
const opens = (name: string) => `<!-- bench ${name}: written by its run, do not edit -->`
const closes = (name: string) => `<!-- end of ${name} -->`

/** The page with this run in the place of its benchmark's last one. Throws `USAGE_INVALID` where the page has no place for it. */
export function putBlock(page: string, report: Report, circumstances: Circumstances): string {
  const name = [report.name, ...(report.part === undefined ? [] : [report.part])].join(' ')
  const place = placeOf(page, name)
  if (!place) throw new AppError('USAGE_INVALID', `the page has no block for ${name}`)
  return `${page.slice(0, place.from)}\n${textOf(report, circumstances)}\n${page.slice(place.to)}`
}

/** Every block of the page. Throws `BUG` where one cannot be read. */
export function readBlocks(page: string): Block[] {
  return [...page.matchAll(/<!-- bench ([^:]+):/g)].map(([, name = '']) => {
    const place = placeOf(page, name)
    if (!place) throw new AppError('BUG', `the block of ${name} has no end`)
    const text = page.slice(place.from, place.to).trim()
    const command = /`(\.\/fleet bench [^`]+)`/.exec(text)?.[1]
    const checks = [...text.matchAll(/^\| (.+) \| ([\d.,]+)(?: ± [\d.,]+)? \| [≥≤] ([\d.]+) \| (met|\*\*missed\*\*) \|$/gm)]
      .map(([, check = '', ratio = '', goal, met]) => ({ name: check, ratio: numberOf(ratio), goal: Number(goal), met: met === 'met' }))
    if (command === undefined || (checks.length === 0 && !text.startsWith(NOT_RUN))) throw new AppError('BUG', `the block of ${name} cannot be read`)
    return { name, checks, command }
  })
}

function placeOf(page: string, name: string): { from: number; to: number } | undefined {
  const from = page.indexOf(opens(name)) + opens(name).length
  const to = page.indexOf(closes(name), from)
  return from < opens(name).length || to < 0 ? undefined : { from, to }
}

function textOf({ checks, arms, seconds, repeats, hardware }: Report, { command, loadBefore, day, commit }: Circumstances): string {
  const byArm = Map.groupBy(arms, ({ name }) => name)
  return [
    '| check | measured | goal | |', '|---|---|---|---|',
    ...checks.map((check) => `| ${check.name} | ${short(check.ratio)}${check.spread === undefined ? '' : ` ± ${short(check.spread)}`} | `
      + `${check.better === 'higher' ? '≥' : '≤'} ${check.goal} | ${marginOf(check) >= 1 ? 'met' : '**missed**'} |`),
    '', '| arm | median ± distance of the quartiles |', '|---|---|',
    ...[...byArm].map(([name, figures]) => `| ${name} | ${figures.map(({ median, spread, unit }) => `${short(median)} ± ${short(spread)} ${unit}`).join(', ')} |`),
    '', `\`${command}\` (${repeats} repeats of ${seconds} s), ${day}, commit ${commit}; ${hardware}; load average before it ${loadBefore.toFixed(1)}.`,
  ].join('\n')
}

/** Three digits say more than any run knows. */
function short(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

function numberOf(text: string): number {
  return Number(text.replaceAll(',', ''))
}

/** The commit that is measured, and whether the code differs from it. */
export function commitOf(root: string): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'apps', 'libs', 'ops')
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : ' with changes')
  } catch {
    return 'unknown' // an unpacked archive has no history
  }
}
