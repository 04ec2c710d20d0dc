import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseServers } from './database-servers.ts'
import { playFleet } from './fleet-round.ts'
import { playLanes, type RoundResult } from './lane-round.ts'
import { isClean } from './oracle.ts'
import { dealRounds, type DealOptions, type Schedule } from './schedule.ts'

export type RunOptions = DealOptions & {
  minutes: number
  /** Ends the run as well; undefined: time alone does. */
  kills: number | undefined
  say: (text: string) => void
  /** After each round, with the figures so far. */
  onRound?: (report: RunReport) => void
}

export type RunReport = Omit<RoundResult, 'stuck'> & {
  seed: string
  kind: 'lanes' | 'fleet'
  stores: string
  durability: string
  rounds: number
  /** Rounds that did not come to rest, and requests and processes that did not come through. */
  stuck: number
  reasons: string[]
  seconds: number
  failed: Schedule | undefined
}

/** Plays rounds until the time is up, so many kills are reached, or a round finds something. */
export async function runChaos({ minutes, kills, say, onRound, ...deal }: RunOptions): Promise<RunReport> {
  const startedAt = performance.now()
  const deadline = startedAt + minutes * 60_000
  const total: RunReport = {
    seed: deal.seed, kind: deal.kind, stores: deal.stores, durability: deal.durability, rounds: 0, kills: 0, acknowledged: 0, lost: 0, doubled: 0,
    withinPromise: 0, stuck: 0, reasons: [], struck: {}, missed: {}, seconds: 0, failed: undefined,
  }
  const folder = mkdtempSync(join(tmpdir(), 'fleet-chaos-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.once('exit', remove)
  try {
    await using servers = deal.stores === 'servers' ? await DatabaseServers.start(folder) : undefined
    for (const schedule of dealRounds(deal)) {
      const result = await (schedule.kind === 'fleet' ? playFleet : playLanes)(schedule, { folder, servers })
      add(total, result)
      say(`round ${schedule.round}${schedule.power ? ' (power)' : ''}: ${result.kills} kills, ${result.acknowledged} acknowledged, `
        + `${result.lost} lost, ${result.doubled} doubled, ${result.withinPromise} within promise${result.stuck.map((why) => `\n  ${why}`).join('')}`)
      total.seconds = Math.round((performance.now() - startedAt) / 1_000)
      onRound?.(total)
      if (!isClean(result)) {
        total.failed = schedule
        break
      }
      if (performance.now() >= deadline || (kills !== undefined && total.kills >= kills)) break
    }
  } finally {
    process.off('exit', remove)
    remove()
  }
  return total
}

function add(total: RunReport, round: RoundResult): void {
  total.rounds++
  for (const name of ['kills', 'acknowledged', 'lost', 'doubled', 'withinPromise'] as const) total[name] += round[name]
  if (round.stuck.length > 0) total.stuck++
  total.reasons.push(...round.stuck)
  for (const name of ['struck', 'missed'] as const) {
    for (const [what, count] of Object.entries(round[name])) total[name][what] = (total[name][what] ?? 0) + count
  }
}
