import { randomUUID } from 'node:crypto'
import { AppError, SHARD_COUNT } from '@tallyfleet/domain'
import type { IngestOutcome, IngestRequest } from '@tallyfleet/ports'
import { Cluster, type Redis } from 'ioredis'
import { PackedList } from './packed-list.ts'
import { Script, unavailable } from './redis-connection.ts'
import { hotKey, metaKey, minutesKey, tagOf } from './shard-keys.ts'

const MAX_WAITING_EVENTS = 50_000
/** One that Redis works on, and one that waits there for its turn: what comes meanwhile shares the next. */
const MAX_WRITES = 2
const MAX_EVENTS_A_WRITE = 10_000
/** Redis serves nobody else while a script runs: some 10 ms for so many. */
const MAX_EVENTS_A_SCRIPT = 2_000

const ingestScript = new Script('ingest')
const limitScript = new Script('limit')

type Waiting = {
  request: IngestRequest
  outcomes: IngestOutcome[]
  failure: unknown
  resolve: (outcomes: IngestOutcome[]) => void
  reject: (error: unknown) => void
}

/** The part of a request that one shard takes: positions in the request's events. */
type Group = { waiting: Waiting; positions: number[]; rejected: boolean }

/** What one shard takes in a write. */
type Part = { shard: number; groups: Group[]; events: number }

/**
 * Gathers the requests of a moment and writes them together: each shard takes the events of all of them in one step,
 * each key's limit what is due, and everything goes out in one pipelined write. Several shards share a script call,
 * except on a Cluster, where they live apart.
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

  /** Whether there is room for a request, and in its key's limit, which it takes from. Throws; see HotStore.ingest. */
  admit(request: IngestRequest): void {
    if (this.#waitingEvents + request.events.length > MAX_WAITING_EVENTS) {
      throw new AppError('OVERLOADED', 'too many events wait for redis', { details: { retryAfterSeconds: 1 } })
    }
    this.#limits.reserve(request)
  }

  /** Gives back what an admitted request took, when it is not written after all. */
  dismiss({ limit, events }: IngestRequest): void {
    if (limit && limit.eventsPerMinute > 0 && events.length > 0) this.#limits.release(limit.keyId, events.length)
  }

  /** See HotStore.ingest. A request with a place in a log was admitted before it was logged. */
  write(request: IngestRequest): Promise<IngestOutcome[]> {
    try {
      if (!request.log) this.admit(request)
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, outcomes: [], failure: undefined, resolve, reject })
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
      if (taken.length > 0 && next.request.log?.id !== taken[0]!.request.log?.id) break // a script knows one log
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
    const calls = callsOf(partsOf(taken), this.#client instanceof Cluster ? 1 : MAX_EVENTS_A_SCRIPT)
    const stream = this.#client instanceof Cluster ? undefined : this.#client.stream
    stream?.cork() // all of it in one write to the socket
    process.nextTick(() => stream?.uncork())
    await Promise.all([
      ...calls.map((parts) => this.#call(parts)),
      ...this.#limits.take(taken.map(({ request }) => request)).map(async ({ keyId, events }) => {
        try {
          const [used, restMs] = await limitScript.send(this.#client, [`limit:{k${keyId}}`], [events]) as [number, number]
          this.#limits.learn(keyId, events, used, restMs)
        } catch {
          this.#limits.release(keyId, events) // the events themselves fail or count on their own
        }
      }),
    ])
    for (const { failure, outcomes, resolve, reject } of taken) {
      if (failure === undefined) resolve(outcomes)
      else reject(unavailable(failure))
    }
  }

  /** Runs the script for some shards, and notes what became of their events. */
  async #call(parts: readonly Part[]): Promise<void> {
    const fail = ({ groups }: Part, failure: unknown) => {
      for (const { waiting } of groups) waiting.failure = failure
    }
    try {
      const keys = parts.flatMap(({ shard }) => [hotKey(shard), metaKey(shard), minutesKey(shard)])
      const letters = String(await ingestScript.send(this.#client, keys, [pack(parts)]))
      let at = 0
      for (const part of parts) {
        const told = letters[at++]
        if (told !== 'o') {
          fail(part, told === 's' ? new Error('STOPPED') : new AppError('STORE_UNAVAILABLE', 'redis is behind the ingest log', {
            details: { retryAfterSeconds: 1 },
          }))
          continue
        }
        for (const { waiting: { outcomes }, positions } of part.groups) {
          for (const position of positions) outcomes[position] = this.#outcomeOf(letters[at++]!)
        }
      }
    } catch (error) {
      for (const part of parts) fail(part, error)
    }
  }

  #outcomeOf(letter: string): IngestOutcome {
    if (letter === 'c') return 'counted'
    this.duplicateAges[letter === 'x' ? 5 : Number(letter)]!++
    return 'duplicate'
  }
}

/** Sorts the events of all requests by shard. */
function partsOf(taken: readonly Waiting[]): Part[] {
  const parts = new Map<number, Part>()
  const groupOf = (shard: number, waiting: Waiting): Group => {
    let part = parts.get(shard)
    if (!part) parts.set(shard, (part = { shard, groups: [], events: 0 }))
    let group = part.groups.at(-1)
    if (group?.waiting !== waiting) part.groups.push((group = { waiting, positions: [], rejected: false }))
    part.events++
    return group
  }
  for (const waiting of taken) {
    const { events, rejected, claim } = waiting.request
    for (let position = 0; position < events.length; position++) {
      groupOf(events[position]!.shard, waiting).positions.push(position)
    }
    if (!rejected || rejected.count === 0) continue
    // Any shard may note them; a chunk always tells the same one, whose claim keeps a repeat from counting them again.
    const shard = claim ? claim.chunk % SHARD_COUNT : events[0]?.shard ?? Math.floor(Math.random() * SHARD_COUNT)
    groupOf(shard, waiting).rejected = true
  }
  return [...parts.values()]
}

/** Shares the parts out to script calls of at least `events` events, the last one excepted. */
function callsOf(parts: readonly Part[], events: number): Part[][] {
  const calls: Part[][] = []
  let open = Infinity
  for (const part of parts) {
    if (open >= events) {
      calls.push([])
      open = 0
    }
    calls.at(-1)!.push(part)
    open += part.events
  }
  return calls
}

const writer = randomUUID()
let writes = 0

/** The argument of the script, as its head describes it. */
function pack(parts: readonly Part[]): Buffer {
  const list = new PackedList()
  list.text(`${writer}:${++writes}`) // unlike any other, of this process or another
  list.text(parts[0]!.groups[0]!.waiting.request.log?.id ?? '')
  for (const { shard, groups } of parts) {
    const own = new PackedList()
    let tenantBefore = ''
    const logged = groups.flatMap(({ waiting: { request: { log } } }) => (log && log.seq > 0 ? [log] : []))
    own.number(logged[0]?.previous.get(shard) ?? 0)
    own.number(logged.at(-1)?.seq ?? 0)
    own.number(groups.length)
    for (const { waiting: { request }, positions, rejected } of groups) {
      own.text(request.claim?.importId ?? '')
      own.number(request.claim?.chunk ?? 0)
      own.text(rejected ? request.rejected!.tenant : '')
      own.number(rejected ? request.rejected!.count : 0)
      own.number(positions.length)
      for (const position of positions) {
        const { member, tenant, increments } = request.events[position]!
        own.text(member ?? '')
        own.number(member === undefined ? 0 : Math.abs(Number(member.slice(-15))))
        own.text(tenant === tenantBefore ? '' : tenant)
        own.number(increments.length)
        tenantBefore = tenant
        for (const { field, value } of increments) {
          own.text(field)
          own.number(value)
        }
      }
    }
    list.text(tagOf(shard))
    list.number(own.length)
    list.append(own)
  }
  return list.toBuffer()
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
