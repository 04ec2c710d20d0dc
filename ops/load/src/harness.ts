import { cpus, release, totalmem } from 'node:os'

/** What one run of an arm measured, by name. Every run of an arm answers the same names. */
export type Measures = Record<string, number>

/** One side of a comparison: does the same work as the other, and answers what it took. */
export type Arm = () => Promise<Measures>

/** The runs of two arms; `ours[i]` and `bare[i]` are neighbours in time. */
export type Runs = { ours: Measures[]; bare: Measures[] }

/** A measure over all runs of an arm; `spread` is the distance between its quartiles. */
export type Figure = { name: string; median: number; spread: number; unit: string }

/**
 * A promise about a figure: `ratio` against `goal`. A ratio of two arms, unless the name says that it is a figure.
 * `spread`: the distance between the quartiles of the ratios of neighbouring runs, where there are several.
 */
export type Check = { name: string; ratio: number; goal: number; better: 'higher' | 'lower'; spread?: number }

/** `part`: what was measured, where a benchmark can measure different things. */
export type Outcome = { arms: Figure[]; checks: Check[]; part?: string }

/** `ratio` and `goal` of the check with the least margin. */
export type Report = Outcome & { ratio: number; goal: number; met: boolean; hardware: string; name: string; seconds: number; repeats: number }

/** A system that already runs, to be measured beside ours. `pid`: its process, where it may be killed and started again. */
export type Peer = { url: string; kind: string; token: string; pid?: number }

export type BenchOptions = {
  /** How long one run of an arm should take: the amount of work is sized for it. */
  seconds: number
  repeats: number
  /** The sizes that take minutes, too. */
  full: boolean
  peer?: Peer
  /** Tells a person how far it is. */
  say: (text: string) => void
}

/** Measures, checks that every count is right, and answers; rejects when one is wrong. */
export type Bench = (options: BenchOptions) => Promise<Outcome>

/**
 * Runs two arms in the order ours, bare, bare, ours, ours, …: whatever makes the machine slower over time meets both.
 * Warm-up is the caller's.
 */
export async function interleave(arms: { ours: Arm; bare: Arm }, { repeats, say }: BenchOptions, title: string): Promise<Runs> {
  const runs: Runs = { ours: [], bare: [] }
  for (let repeat = 0; repeat < repeats; repeat++) {
    const order = repeat % 2 === 0 ? ['ours', 'bare'] as const : ['bare', 'ours'] as const
    for (const name of order) {
      const measures = await arms[name]()
      runs[name].push(measures)
      say(`${title} ${repeat + 1}/${repeats} ${name}: ${Object.entries(measures).map(([key, value]) => `${key} ${short(value)}`).join(', ')}`)
    }
  }
  return runs
}

/** The value at a share (0 to 1) of the sorted list, between two neighbours where it falls between them. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = sorted[Math.floor(place)]!
  return low + (sorted[Math.ceil(place)]! - low) * (place - Math.floor(place))
}

export function figureOf(name: string, runs: readonly Measures[], measure: string, unit: string): Figure {
  const values = runs.map((run) => run[measure]!)
  return { name, median: quantile(values, 0.5), spread: spreadOf(values), unit }
}

function spreadOf(values: readonly number[]): number {
  return quantile(values, 0.75) - quantile(values, 0.25)
}

/** Compares a measure: the median of the ratios of neighbouring runs, which a slow change of the machine leaves alone. */
export function checkOf(name: string, { ours, bare }: Runs, measure: string, goal: number, better: Check['better']): Check {
  const ratios = ours.map((run, at) => run[measure]! / bare[at]![measure]!)
  return { name, ratio: quantile(ratios, 0.5), goal, better, spread: spreadOf(ratios) }
}

/** How far a check is on the right side of its goal: 1 = just there, 0.9 = a tenth short; a goal of 0 has no near miss. */
export function marginOf({ ratio, goal, better }: Check): number {
  if (goal === 0) return ratio <= 0 ? 1 : 0
  return better === 'higher' ? ratio / goal : goal / ratio
}

export function reportOf(name: string, { seconds, repeats }: BenchOptions, { arms, checks, part }: Outcome): Report {
  const least = checks.toSorted((a, b) => marginOf(a) - marginOf(b))[0]!
  return {
    name, ...(part === undefined ? {} : { part }), seconds, repeats, hardware: hardware(),
    ratio: least.ratio, goal: least.goal, met: marginOf(least) >= 1, arms, checks,
  }
}

/** Figures of one machine are worth nothing beside those of another. */
function hardware(): string {
  const all = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${all.length} × ${all[0]?.model ?? 'unknown processor'}, ${memory} GiB, Linux ${release()}, Node ${process.version}`
    .replace('Linux', process.platform)
}

/** A table for people. */
export function describe(report: Report): string {
  const rows = [
    ...report.arms.map(({ name, median, spread, unit }) => `  ${name.padEnd(44)} ${short(median).padStart(10)} ± ${short(spread)} ${unit}`),
    ...report.checks.map((check) => `  ${(marginOf(check) >= 1 ? 'met     ' : 'MISSED  ') + check.name.padEnd(36)} ${short(check.ratio).padStart(10)}`
      + ` (goal ${check.better === 'higher' ? '≥' : '≤'} ${check.goal})`),
  ]
  return [`${report.name}: ${report.repeats} repeats of ${report.seconds} s; ${report.hardware}`, ...rows].join('\n')
}

function short(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4)))
}
