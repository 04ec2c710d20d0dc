import type { Clock, JobDefinition, Journal, Schedule } from '@tallyfleet/ports'
import type { CronTicks } from '../schedule/due-ticks.ts'
import { spreadOf } from '../schedule/spread-of.ts'
import type { ScheduleRecord, TickRecord } from '../schedule/tick-records.ts'

/** What a journal is asked for in one go: a schedule that ticks more often a day is told by its newest ticks. */
const MOST_TICKS = 2_000
const DAY_MS = 86_400_000
const LATE_MS = 60_000

export type ScheduleView = {
  name: string
  queue: string
  definition: Schedule
  /** In words. */
  schedule: string
  /** When the next tick starts; undefined before a scheduler has seen the schedule. */
  nextAt: Date | undefined
  next: string
  /** The last tick that a worker took. */
  lastAt: Date | undefined
  lastState: 'running' | 'done' | 'failed' | undefined
  lastError: string | undefined
  lastDurationMs: number | undefined
  /** Of the last 24 hours. `skipped`: missed for ever; `open`: not ended yet. */
  ticks: { done: number; failed: number; skipped: number; open: number }
  /** The next tick is overdue by more than a minute: no scheduler runs. */
  late: boolean
}

/** What runs by the clock: when next, and how it went. By name. */
export async function readSchedules(
  jobs: readonly JobDefinition<any>[], { journal, clock, cronTicks }: { journal: Journal; clock: Clock; cronTicks: CronTicks },
): Promise<ScheduleView[]> {
  const now = clock.now()
  const known = new Map((await journal.list('schedule', { limit: 1_000 })).map(({ id, body }) => [id, body as ScheduleRecord]))
  const views = await Promise.all(jobs.flatMap(({ name, queue, schedule }) => (schedule
    ? [readSchedule(name, queue, schedule, known.get(name), now, { journal, cronTicks })] : [])))
  return views.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function readSchedule(
  name: string, queue: string, declared: Schedule, known: ScheduleRecord | undefined, now: Date,
  { journal, cronTicks }: { journal: Journal; cronTicks: CronTicks },
): Promise<ScheduleView> {
  // The scheduler's own: an installation may flush more often than the registry says.
  const definition = known?.definition ?? declared
  const nextAt = known && nextTick(name, definition, new Date(known.lastTickAt), cronTicks)
  const found = await journal.list('tick', { from: `${name}@`, to: `${name}@~`, limit: MOST_TICKS, descending: true })
  const records = found.map(({ body }) => body as TickRecord)
  const ticks = { done: 0, failed: 0, skipped: 0, open: 0 }
  for (const { state, nominalAt, count = 1 } of records) {
    if (Date.parse(nominalAt) < now.getTime() - DAY_MS) continue
    ticks[state === 'done' || state === 'failed' || state === 'skipped' ? state : 'open'] += count
  }
  const last = records.find(({ startedAt }) => startedAt !== undefined)
  const durationMs = last?.endedAt === undefined ? undefined : Date.parse(last.endedAt) - Date.parse(last.startedAt!)
  return {
    name, queue, definition, schedule: scheduleInWords(definition),
    nextAt, next: nextAt ? untilInWords(nextAt.getTime() - now.getTime()) : 'not yet: no scheduler has run',
    lastAt: last && new Date(last.startedAt!), lastState: last?.state as ScheduleView['lastState'],
    lastError: last?.error, lastDurationMs: durationMs, ticks,
    late: nextAt !== undefined && now.getTime() - nextAt.getTime() > LATE_MS,
  }
}

function nextTick(name: string, schedule: Schedule, after: Date, cronTicks: CronTicks): Date | undefined {
  const spreadMs = spreadOf(name, schedule.spreadMs)
  if ('everyMs' in schedule) {
    return new Date((Math.floor(after.getTime() / schedule.everyMs) + 1) * schedule.everyMs + spreadMs)
  }
  for (const at of cronTicks(schedule.pattern, schedule.zone, after)) return new Date(at.getTime() + spreadMs)
  return undefined
}

const UNITS = [['day', DAY_MS], ['hour', 3_600_000], ['minute', 60_000], ['second', 1_000]] as const

/** A schedule as a person says it; a cron pattern that is neither hourly nor daily stays as it is. */
export function scheduleInWords(schedule: Schedule): string {
  if ('everyMs' in schedule) {
    const [unit, ms] = UNITS.find(([, ms]) => schedule.everyMs % ms === 0) ?? ['ms', 1]
    const count = schedule.everyMs / ms
    return count === 1 ? `every ${unit}` : `every ${count} ${unit === 'ms' ? unit : `${unit}s`}`
  }
  const { pattern, zone } = schedule
  const [, minute, hour] = /^(\d+) (\d+|\*) \* \* \*$/.exec(pattern) ?? []
  if (minute === undefined || hour === undefined) return `${pattern} (${zone})`
  return hour === '*' ? `every hour at minute ${minute}` : `every day at ${hour.padStart(2, '0')}:${minute.padStart(2, '0')} (${zone})`
}

/** How long from now, in the largest unit of which it is at least one, rounded down; overdue when it is past. */
export function untilInWords(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? ['second', 1_000]
  const count = Math.floor(Math.abs(ms) / size)
  if (count === 0) return 'now'
  const words = `${count} ${unit}${count === 1 ? '' : 's'}`
  return ms > 0 ? `in ${words}` : `overdue by ${words}`
}
