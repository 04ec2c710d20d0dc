import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { playFleet } from './fleet-round.ts'
import { playLanes, type RoundResult } from './lane-round.ts'
import { isClean } from './oracle.ts'
import { inPlace, type Place } from './place.ts'
import { dealRounds, type DealOptions, type Schedule } from './schedule.ts'

export type RunOptions = DealOptions & {
  minutes: number
  say: (text: string) => void
  /** After each round, with the figures so far. */
  onRound?: (report: RunReport, place: Place) => void
}

export type RunReport = Omit<RoundResult, 'stuck'> & Pick<Schedule, 'seed' | 'kind' | 'stores' | 'durability' | 'breaks'> & {
  rounds: number
  /** Rounds that did not come to rest, or in which a request or a process did not come through. */
  stuck: number
  reasons: string[]
  seconds: number
  /** The file with the schedule of the round that failed; undefined when none did. */
  schedule: string | undefined
}

/** Plays rounds until the time is up, so many kills are reached, or a round finds something. */
export async function runChaos({ minutes, say, onRound, ...deal }: RunOptions): Promise<RunReport> {
  const deadline = performance.now() + minutes * 60_000
  return await inPlace(deal.stores, async (place) => {
    const book = new RunBook(deal)
    for (const schedule of dealRounds(deal)) {
      const result = await book.play(schedule, place, say)
      if (!isClean(result)) book.report.schedule = save(schedule)
      onRound?.(book.report, place)
      const enough = performance.now() >= deadline || book.report.kills >= (deal.kills ?? Infinity)
      if (enough || book.report.schedule !== undefined) break
    }
    return book.report
  })
}

/**
 * Plays a schedule again, up to `tries` times until it fails: a seed does not fix how processes interleave. With
 * `shrink` it then leaves out strikes, halves first, as long as what is left still fails.
 */
export async function replayChaos(
  schedule: Schedule, { tries, shrink, say }: { tries: number; shrink: boolean; say: (text: string) => void },
): Promise<RunReport> {
  return await inPlace(schedule.stores, async (place) => {
    const book = new RunBook(schedule)
    const fails = async (candidate: Schedule): Promise<boolean> => {
      for (let at = 0; at < tries; at++) if (!isClean(await book.play(candidate, place, say))) return true
      return false
    }
    if (!await fails(schedule)) return book.report
    const smallest = shrink ? await shrinkSchedule(schedule, fails, say) : schedule
    book.report.schedule = save(smallest)
    return book.report
  })
}

/** Delta debugging (Zeller and Hildebrandt, 2002), each list on its own: drops ever smaller chunks that nothing needs. */
export async function shrinkSchedule(
  schedule: Schedule, fails: (candidate: Schedule) => Promise<boolean>, say: (text: string) => void,
): Promise<Schedule> {
  let smallest = schedule
  for (const list of [0, 1] as const) {
    for (let size = Math.ceil(smallest.strikes[list].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < smallest.strikes[list].length;) {
        const strikes = [...smallest.strikes] as Schedule['strikes']
        strikes[list] = strikes[list].toSpliced(from, size)
        const candidate = { ...smallest, strikes }
        if (await fails(candidate)) {
          smallest = candidate
          say(`still fails with ${strikes[0].length + strikes[1].length} strikes`)
        } else {
          from += size
        }
      }
    }
  }
  return smallest
}

class RunBook {
  readonly report: RunReport
  readonly #startedAt = performance.now()

  constructor({ seed, kind, stores, durability, breaks }: Pick<Schedule, 'seed' | 'kind' | 'stores' | 'durability' | 'breaks'>) {
    this.report = {
      seed, kind, stores, durability, breaks, rounds: 0, kills: 0, acknowledged: 0, lost: 0, doubled: 0, withinPromise: 0, stuck: 0, reasons: [],
      struck: {}, missed: {}, seconds: 0, schedule: undefined,
    }
  }

  async play(schedule: Schedule, place: Place, say: (text: string) => void): Promise<RoundResult> {
    const result = await (schedule.kind === 'fleet' ? playFleet : playLanes)(schedule, place)
    const { report } = this
    report.rounds++
    for (const name of ['kills', 'acknowledged', 'lost', 'doubled', 'withinPromise'] as const) report[name] += result[name]
    if (result.stuck.length > 0) report.stuck++
    report.reasons.push(...result.stuck)
    for (const name of ['struck', 'missed'] as const) {
      for (const [what, count] of Object.entries(result[name])) report[name][what] = (report[name][what] ?? 0) + count
    }
    report.seconds = Math.round((performance.now() - this.#startedAt) / 1_000)
    say(`round ${schedule.round}${schedule.power ? ' (power)' : ''}: ${result.kills} kills, ${result.acknowledged} acknowledged, `
      + `${result.lost} lost, ${result.doubled} doubled, ${result.withinPromise} within promise${result.stuck.map((why) => `\n  ${why}`).join('')}`)
    return result
  }
}

function save(schedule: Schedule): string {
  const { seed, round, kind, stores, durability, breaks } = schedule
  const name = [seed.replace(/[^\w-]/g, '_'), kind, stores, durability, ...(breaks ? [breaks] : []), round].join('-')
  const file = join(tmpdir(), `fleet-chaos-${name}.json`)
  writeFileSync(file, `${JSON.stringify(schedule, null, 2)}\n`)
  return file
}
