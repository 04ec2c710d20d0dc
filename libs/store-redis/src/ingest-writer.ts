import { randomUUID } from 'node:crypto'
import { AppError, SHARD_COUNT } from '@tallyfleet/domain'
import type { IngestOutcome, IngestRequest } from '@tallyfleet/ports'
import type { Cluster, Redis } from 'ioredis'
import { Script, unavailable } from './redis-connection.ts'
import { hotKey, metaKey, minutesKey, tagOf } from './shard-keys.ts'

const MAX_WAITING_EVENTS = 50_000
const MAX_WRITES = 4
const MAX_EVENTS_A_WRITE = 10_000

const ingestScript = new Script('ingest')
const limitScript = new Script('limit')

type Waiting = { request: IngestRequest; resolve: (outcomes: IngestOutcome[]) => void; reject: (error: unknown) => void }

/** The part of a request that one shard takes: positions in the request's events. */
type Group = { waiting: Waiting; positions: number[]; rejected: boolean }

/**
 * Gathers the requests of a moment and writes them together: for each shard one script with the events of all of them,
 * for each key one more that takes from its limit, all in one pipelined write.
 */
export class IngestWriter {
  readonly #client: Redis | Cluster
  readonly #limits = new LimitBook()
  #waiting: Waiting[] = []
  #waitingEvents = 0
  #writes = 0
  #scheduled = false
  /** Duplicates by the age of the first event, in windows of 12 hours; the last place counts import chunks. */
  readonly duplicateAges = [0, 0, 0, 0, 0, 0]

  constructor(client: Redis | Cluster) {
    this.#client = client
  }

  /** See HotStore.ingest. */
  write(request: IngestRequest): Promise<IngestOutcome[]> {
    if (this.#waitingEvents + request.events.length > MAX_WAITING_EVENTS) {
      return Promise.reject(new AppError('OVERLOADED', 'too many events wait for redis', { details: { retryAfterSeconds: 1 } }))
    }
    try {
      this.#limits.reserve(request)
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      this.#waitingEvents += request.events.length
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#writes >= MAX_WRITES || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const taken: Waiting[] = []
    let events = 0
    while (this.#waiting.length > taken.length && (taken.length === 0 || events < MAX_EVENTS_A_WRITE)) {
      const next = this.#waiting[taken.length]!
      taken.push(next)
      events += next.request.events.length
    }
    this.#waiting = this.#waiting.slice(taken.length)
    this.#waitingEvents -= events
    this.#writes++
    this.#schedule()
    await this.#writeTogether(taken)
    this.#writes--
    this.#schedule()
  }

  async #writeTogether(taken: Waiting[]): Promise<void> {
    const shards = new Map<number, Group[]>()
    for (const waiting of taken) groupByShard(waiting, shards)
    const outcomes = new Map(taken.map((waiting) => [waiting, new Array<IngestOutcome>(waiting.request.events.length)]))
    const failures = new Map<Waiting, unknown>()
    await Promise.all([
      ...[...shards].map(async ([shard, groups]) => {
        try {
          const letters = String(await ingestScript.run(
            this.#client, [hotKey(shard), metaKey(shard), minutesKey(shard)], argumentsOf(shard, groups)))
          let at = 0
          for (const { waiting, positions } of groups) {
            for (const position of positions) outcomes.get(waiting)![position] = this.#outcomeOf(letters[at++]!)
          }
        } catch (error) {
          for (const { waiting } of groups) failures.set(waiting, error)
        }
      }),
      ...this.#limits.take(taken.map(({ request }) => request)).map(async ({ keyId, events }) => {
        try {
          const [used, restMs] = await limitScript.run(this.#client, [`limit:{k${keyId}}`], [events]) as [number, number]
          this.#limits.learn(keyId, events, used, restMs)
        } catch {
          this.#limits.release(keyId, events) // the events themselves fail or count on their own
        }
      }),
    ])
    for (const waiting of taken) {
      if (failures.has(waiting)) waiting.reject(unavailable(failures.get(waiting)))
      else waiting.resolve(outcomes.get(waiting)!)
    }
  }

  #outcomeOf(letter: string): IngestOutcome {
    if (letter === 'c') return 'counted'
    this.duplicateAges[letter === 'x' ? 5 : Number(letter)]!++
    return 'duplicate'
  }
}

function groupByShard(waiting: Waiting, shards: Map<number, Group[]>): void {
  const { events, rejected, claim } = waiting.request
  const own = new Map<number, Group>()
  const groupOf = (shard: number) => {
    let group = own.get(shard)
    if (!group) {
      own.set(shard, (group = { waiting, positions: [], rejected: false }))
      const groups = shards.get(shard)
      if (groups) groups.push(group)
      else shards.set(shard, [group])
    }
    return group
  }
  for (let position = 0; position < events.length; position++) groupOf(events[position]!.shard).positions.push(position)
  if (!rejected || rejected.count === 0) return
  // Any shard may note them; a chunk always tells the same one, whose claim keeps a repeat from counting them again.
  groupOf(claim ? claim.chunk % SHARD_COUNT : events[0]?.shard ?? Math.floor(Math.random() * SHARD_COUNT)).rejected = true
}

const writer = randomUUID()
let writes = 0

/** Unlike any other, of this process or another: the data of a shard may begin with any write. */
function freshName(): string {
  return `${writer}:${++writes}`
}

function argumentsOf(shard: number, groups: Group[]): (string | number)[] {
  const args: (string | number)[] = [tagOf(shard), freshName(), groups.length]
  for (const { waiting: { request }, positions, rejected } of groups) {
    args.push(request.claim?.importId ?? '', request.claim?.chunk ?? 0,
      rejected ? request.rejected!.tenant : '', rejected ? request.rejected!.count : 0, positions.length)
    for (const position of positions) {
      const { member, tenant, increments } = request.events[position]!
      args.push(member ?? '', tenant, increments.length)
      for (const { field, value } of increments) args.push(field, value)
    }
  }
  return args
}

/**
 * What this process knows of each key's minute. Redis counts for all processes; a request is refused by what the last
 * write answered plus what is on its way from here, so several processes together may overshoot by what they have in
 * flight, and one process never does.
 */
class LimitBook {
  readonly #keys = new Map<string, { used: number; reserved: number; endsAt: number }>()

  reserve({ limit, events }: IngestRequest): void {
    if (!limit || limit.eventsPerMinute === 0 || events.length === 0) return
    const now = performance.now()
    let key = this.#keys.get(limit.keyId)
    if (!key) this.#keys.set(limit.keyId, (key = { used: 0, reserved: 0, endsAt: 0 }))
    if (now >= key.endsAt) key.used = 0
    if (key.used + key.reserved + events.length > limit.eventsPerMinute) {
      const restMs = key.endsAt > now ? key.endsAt - now : 60_000
      const split = events.length > limit.eventsPerMinute ? `; ${events.length} at once never pass, send fewer` : ''
      throw new AppError('LIMIT_REACHED', `the key may send ${limit.eventsPerMinute} events a minute${split}`, {
        details: { retryAfterSeconds: Math.max(1, Math.ceil(restMs / 1000)), limit: limit.eventsPerMinute },
      })
    }
    key.reserved += events.length
  }

  /** What each limited key takes with these requests. */
  take(requests: readonly IngestRequest[]): { keyId: string; events: number }[] {
    const events = new Map<string, number>()
    for (const { limit, events: list } of requests) {
      if (limit && limit.eventsPerMinute > 0 && list.length > 0) {
        events.set(limit.keyId, (events.get(limit.keyId) ?? 0) + list.length)
      }
    }
    return [...events].map(([keyId, count]) => ({ keyId, events: count }))
  }

  release(keyId: string, events: number): void {
    this.#keys.get(keyId)!.reserved -= events
  }

  learn(keyId: string, events: number, used: number, restMs: number): void {
    this.release(keyId, events)
    const key = this.#keys.get(keyId)!
    const endsAt = performance.now() + restMs
    // Answers of the same minute may arrive out of order.
    key.used = Math.abs(endsAt - key.endsAt) < 1_000 ? Math.max(key.used, used) : used
    key.endsAt = endsAt
    if (this.#keys.size > 10_000) {
      for (const [id, { reserved, endsAt: end }] of this.#keys) if (reserved === 0 && end < performance.now()) this.#keys.delete(id)
    }
  }
}
