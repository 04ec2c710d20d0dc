import { hash } from 'node:crypto'
import type { Clock, JobEvent, Log, RecordStore, TelemetryStore } from '@tallyfleet/ports'

/** Whose the events of our own queues are: no tenant's. No tenant can be called so. */
export const FLEET_TENANT = '*'

const DROPPED = { tenant: FLEET_TENANT, kind: 'job-events-dropped' }
const EVERY_MS = 1_000
/** What one append takes. */
const BATCH = 1_000
const MOST_WAITING = 10_000
const MOST_REASON = 500

/** What happened to a job of ours; `enqueuedAt` and `attempt` tell it from another life of the same job id. */
export type FleetJobEvent = Pick<JobEvent, 'type' | 'queue' | 'job' | 'at' | 'durationMs' | 'attempt' | 'worker' | 'reason'> & {
  jobId: string
  enqueuedAt: Date
}

type Needs = { telemetry: TelemetryStore; records: RecordStore; clock: Clock; log: Log }

/**
 * Keeps events of our own jobs without a wait for whoever runs them: they gather in memory and are written each second,
 * once by their id however often the write is tried. While the store is away at most 10,000 wait; those beyond are
 * dropped and counted. A process that is killed loses its last second.
 */
export class JobEventRecorder implements AsyncDisposable {
  readonly #needs: Needs
  readonly #worker: string
  readonly #limit: number
  readonly #onDrop: () => void
  #waiting: JobEvent[] = []
  #dropped = 0
  /** Of this process, by hour: written as a whole, so a repeat changes nothing. */
  readonly #droppedIn = new Map<string, number>()
  #writing: Promise<void> | undefined
  #fails = false
  readonly #timer: NodeJS.Timeout

  /**
   * @param worker the process, as its events name it
   * @param onDrop is called for each event that is dropped
   */
  constructor(worker: string, needs: Needs, { limit = MOST_WAITING, everyMs = EVERY_MS, onDrop = () => {} } = {}) {
    this.#worker = worker
    this.#needs = needs
    this.#limit = limit
    this.#onDrop = onDrop
    this.#timer = setInterval(() => { void this.write() }, everyMs)
    this.#timer.unref()
  }

  /** Events dropped by this process. */
  get dropped(): number {
    return this.#dropped
  }

  /** Never throws, never waits. */
  record({ enqueuedAt, reason, ...event }: FleetJobEvent): void {
    if (this.#waiting.length >= this.#limit) {
      this.#drop()
      return
    }
    const { queue, jobId, attempt, type, at } = event
    const life = JSON.stringify([queue, jobId, enqueuedAt.getTime(), type, attempt ?? at.getTime()])
    this.#waiting.push({
      ...event, tenant: FLEET_TENANT, source: 'fleet', reason: reason?.slice(0, MOST_REASON),
      id: hash('sha256', life, 'base64url').slice(0, 32),
    })
  }

  /** Writes what waits. Never rejects: what could not be written waits for the next time. */
  async write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => { this.#writing = undefined })
    await this.#writing
  }

  async #write(): Promise<void> {
    const { telemetry, records, clock, log } = this.#needs
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.slice(0, BATCH)
        await telemetry.append(batch)
        this.#waiting.splice(0, batch.length)
      }
      for (const [hour, events] of this.#droppedIn) {
        await records.put(DROPPED, { id: `${hour}|${this.#worker}`, owner: this.#worker, body: { events } }, clock.now())
        if (this.#droppedIn.get(hour) === events && hour < this.#hour()) this.#droppedIn.delete(hour)
      }
      if (this.#fails) log.info({ dropped: this.#dropped }, 'job events are kept again')
      this.#fails = false
    } catch (error) {
      if (!this.#fails) log.warn({ err: error, waiting: this.#waiting.length }, 'job events not kept: they wait')
      this.#fails = true
    }
  }

  #drop(): void {
    this.#dropped += 1
    this.#onDrop()
    const hour = this.#hour()
    this.#droppedIn.set(hour, (this.#droppedIn.get(hour) ?? 0) + 1)
  }

  #hour(): string {
    return this.#needs.clock.now().toISOString().slice(0, 13)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
    await this.write() // what came while the first one ran
    if (this.#waiting.length > 0) this.#needs.log.error({ events: this.#waiting.length }, 'job events lost')
  }
}

/** How many events of our own jobs were dropped in a range, by whole hours. */
export async function countDropped({ from, to }: { from: Date; to: Date }, { records }: { records: RecordStore }): Promise<number> {
  const [first, end] = [from.toISOString().slice(0, 13), to.toISOString()]
  const found = await records.list(DROPPED, { after: first, limit: 1_000 })
  return found.filter(({ id }) => `${id.slice(0, 13)}:00` < end).reduce((sum, { body }) => sum + (body as { events: number }).events, 0)
}

/** Forgets counts of drops of the hours before. */
export async function forgetDropped(before: Date, { records }: { records: RecordStore }): Promise<void> {
  const end = before.toISOString().slice(0, 13)
  for (const { id } of await records.list(DROPPED, { limit: 1_000 })) if (id < end) await records.delete(DROPPED, id)
}
