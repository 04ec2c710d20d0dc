import type { Clock, Log, RecordStore } from '@tallyfleet/ports'
import { FLEET_TENANT } from './job-event-recorder.ts'

const KEPT = { tenant: FLEET_TENANT, kind: 'response-times' }
const EVERY_MS = 60_000
const PAGE = 1_000
/** Each bin ends 10 % above the one before, from a tenth of a millisecond: a percentile is told up to 10 % too high. */
const STEP = Math.log(1.1)
const LEAST_MS = 0.1

/** Answers of one hour: how many by bin, and how many of them failed. */
export type ResponseCounts = { failed: number; bins: Record<number, number> }

type Needs = { records: RecordStore; clock: Clock; log: Log }

/**
 * How long reads take, by hour and process: counted in memory, written as a whole each minute, so that a repeat changes
 * nothing. A process that is killed loses its last minute.
 */
export class ResponseTimes implements AsyncDisposable {
  readonly #process: string
  readonly #needs: Needs
  readonly #hours = new Map<string, ResponseCounts>()
  readonly #timer: NodeJS.Timeout

  /** @param process of this life of the process: another one must not write over its numbers */
  constructor(process: string, needs: Needs, { everyMs = EVERY_MS } = {}) {
    this.#process = process
    this.#needs = needs
    this.#timer = setInterval(() => { void this.write() }, everyMs)
    this.#timer.unref()
  }

  /** @param failed the answer was an error of ours, such as a timeout of a store */
  observe(ms: number, failed: boolean): void {
    const hour = this.#hour()
    let counts = this.#hours.get(hour)
    if (!counts) this.#hours.set(hour, (counts = { failed: 0, bins: {} }))
    const bin = binOf(ms)
    counts.bins[bin] = (counts.bins[bin] ?? 0) + 1
    if (failed) counts.failed += 1
  }

  /** Writes the hours that changed. Never rejects: the next minute tries again. */
  async write(): Promise<void> {
    const { records, clock, log } = this.#needs
    for (const [hour, counts] of this.#hours) {
      try {
        await records.put(KEPT, { id: `${hour}|${this.#process}`, owner: this.#process, body: counts }, clock.now())
        if (hour < this.#hour()) this.#hours.delete(hour)
      } catch (error) {
        log.warn({ err: error }, 'response times not kept')
        return
      }
    }
  }

  #hour(): string {
    return this.#needs.clock.now().toISOString().slice(0, 13)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
  }
}

/** Answers by hour (`2026-11-21T10`, UTC), of all processes, from the hour of `from` on. */
export async function listResponseTimes(from: Date, { records }: { records: RecordStore }): Promise<Map<string, ResponseCounts>> {
  const hours = new Map<string, ResponseCounts>()
  let after = from.toISOString().slice(0, 13)
  for (;;) {
    const page = await records.list(KEPT, { after, limit: PAGE })
    for (const { id, body } of page) addResponses(hours, id.slice(0, 13), body as ResponseCounts)
    if (page.length < PAGE) return hours
    after = page.at(-1)!.id
  }
}

/** Adds one count to another, under a name. */
export function addResponses(sums: Map<string, ResponseCounts>, name: string, { failed, bins }: ResponseCounts): void {
  let sum = sums.get(name)
  if (!sum) sums.set(name, (sum = { failed: 0, bins: {} }))
  sum.failed += failed
  for (const [bin, count] of Object.entries(bins)) sum.bins[Number(bin)] = (sum.bins[Number(bin)] ?? 0) + count
}

/** How many answers, and the percentile by nearest rank as the end of its bin, in ms. */
export function percentileOf({ bins }: ResponseCounts, percent: number): { answers: number; ms: number } {
  const sorted = Object.entries(bins).map(([bin, count]) => [Number(bin), count] as const).sort(([a], [b]) => a - b)
  const answers = sorted.reduce((sum, [, count]) => sum + count, 0)
  let left = Math.ceil((percent * answers) / 100)
  for (const [bin, count] of sorted) {
    left -= count
    if (left <= 0) return { answers, ms: LEAST_MS * Math.exp(STEP * bin) }
  }
  return { answers, ms: 0 }
}

function binOf(ms: number): number {
  return ms <= LEAST_MS ? 0 : Math.ceil(Math.log(ms / LEAST_MS) / STEP - 1e-9)
}

/** Forgets the hours before. */
export async function forgetResponseTimes(before: Date, { records }: { records: RecordStore }): Promise<void> {
  const end = before.toISOString().slice(0, 13)
  for (;;) {
    const old = (await records.list(KEPT, { limit: PAGE })).filter(({ id }) => id < end)
    for (const { id } of old) await records.delete(KEPT, id)
    if (old.length < PAGE) return
  }
}
