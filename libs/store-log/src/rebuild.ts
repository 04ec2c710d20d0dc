import { randomUUID } from 'node:crypto'
import {
  epochId, flushedPositions, ONLY_REMEMBER, type Floor, type HotStore, type IngestRequest, type Journal,
  type LoggedCounters, type RollupStore, type ShardLogs,
} from '@tallyfleet/ports'
import type { IngestLog } from './ingest-log.ts'
import { listElsewhere, type KnownLog } from './known-logs.ts'
import { listLogFolders } from './list-logs.ts'
import type { LogRecord } from './record.ts'
import { logIdOf, readSegments } from './segments.ts'

export type RebuildNeeds = { hot: HotStore & LoggedCounters; rollups: RollupStore; journal: Journal; home: string }

const EVENTS_AT_ONCE = 5_000

/**
 * Makes shards ready whose memory may be gone. What the manifests hold of each log is remembered as seen, so that a
 * repeat of it is a duplicate; what they do not hold is left to {@link replay}. The life of the shard is named and its
 * floor claimed before anything is counted: a worker of the life before that still writes its batch is found out
 * as a contradiction, and never counted beside the replay. A shard that loses data meanwhile stays as it is: call again.
 * Answers the logs of other homes that shards still wait for: those homes do the same for theirs.
 */
export async function rebuildShards(
  lost: readonly ShardLogs[], { hot, rollups, journal, home }: RebuildNeeds,
): Promise<KnownLog[]> {
  const rebuild = randomUUID()
  await hot.beginRebuild(lost.map(({ shard }) => shard), rebuild)
  const remembered = new Map<number, number>()
  const latest = new Map((await rollups.listLatestManifests()).map((manifest) => [manifest.shard, manifest]))
  const flushed = new Map<number, Record<string, number>>()
  for (const { shard } of lost) {
    const manifest = latest.get(shard)
    flushed.set(shard, manifest ? await flushedPositions(manifest, { rollups, journal }) : {})
  }
  const folders = new Map<string, string>()
  for (const folder of await listLogFolders(home)) {
    const id = await logIdOf(folder)
    if (id !== undefined) folders.set(id, folder)
  }
  const elsewhere = await listElsewhere([...folders.keys()], journal)
  const isTold = ({ shard, told }: ShardLogs, id: string) => told[id] !== undefined && told[id] === latest.get(shard)?.n
  const logged = new Set<number>()
  const imports = new Set<string>()
  const send = sender(hot)
  for (const [id, folder] of folders) {
    const untold = new Set(lost.filter((shard) => !isTold(shard, id)).map(({ shard }) => shard))
    if (untold.size === 0) continue
    for await (const { segment, records } of readSegments(folder)) {
      for (const { shard } of lost) if (segment.lastOf[shard]! > 0) logged.add(shard)
      for (const record of records) {
        const events = record.events.filter(({ shard }) =>
          untold.has(shard) && record.seq <= (flushed.get(shard)?.[id] ?? 0))
        if (events.length === 0) continue
        for (const { shard } of events) remembered.set(shard, (remembered.get(shard) ?? 0) + 1)
        if (record.claim) imports.add(record.claim.importId)
        await send({ events, rejected: undefined, claim: record.claim, log: { id: ONLY_REMEMBER + rebuild, seq: 0, previous: new Map() } })
      }
    }
  }
  await send.done()
  for (const importId of imports) await hot.expireClaims(importId) // a running import renews nothing: it ends within a week
  const missing = new Set<KnownLog>()
  for (const { shard, epoch, told } of lost) {
    let name = epoch
    const begin = latest.get(shard)
    if (name === undefined && (logged.has(shard) || begin || elsewhere.length > 0)) {
      name = randomUUID()
      await journal.claim('epoch', epochId(shard, name), { n: begin?.n ?? 0, flushed: begin?.running ?? {} } satisfies Floor)
    }
    const positions = flushed.get(shard)!
    const needed = elsewhere.filter(({ id }) => (positions[id] ?? 0) > 0)
    const answer = await hot.openShardLogs(shard, {
      rebuild, remembered: remembered.get(shard) ?? 0, n: begin?.n ?? 0, epoch: name, positions,
      told: [...folders.keys()], needed: needed.map(({ id }) => id),
    })
    if (answer === 'waits') for (const log of needed) if (told[log.id] !== begin?.n) missing.add(log)
  }
  return [...missing]
}

/**
 * Counts what the hot store lacks of a log: the records after its position, shard by shard in order. Answers how many
 * events it sent, and the shards that refuse because they stopped. Rejects with the hot store's error: call again.
 */
export async function replay(
  log: { id: string; read(after: readonly number[]): AsyncIterable<LogRecord> }, shards: readonly ShardLogs[], hot: HotStore,
): Promise<{ events: number; stopped: Set<number> }> {
  const stopped = new Set(shards.filter((shard) => shard.stopped).map(({ shard }) => shard))
  const positions = shards.map(({ shard, positions: known }) => (stopped.has(shard) ? Infinity : known[log.id] ?? 0))
  const send = sender(hot)
  let count = 0
  for await (const record of log.read(positions)) {
    const events = record.events.filter(({ shard }) => record.seq > positions[shard]!)
    if (events.length === 0) continue
    const previous = new Map(events.map(({ shard }) => [shard, positions[shard]!]))
    await send({ events, rejected: undefined, claim: record.claim, log: { id: log.id, seq: record.seq, previous } })
    for (const shard of previous.keys()) positions[shard] = record.seq
    count += events.length
  }
  await send.done()
  return { events: count, stopped }
}

/** A log as {@link replay} reads it, from a folder that no process writes to and that is locked by the caller. */
export function logIn(folder: string, id: string): Pick<IngestLog, 'id' | 'read'> {
  return {
    id,
    async* read(after) {
      for await (const { records } of readSegments(folder)) {
        for (const record of records) if (record.events.some(({ shard }) => record.seq > after[shard]!)) yield record
      }
    },
  }
}

/** Sends requests in order, many at a time; the first error comes from the next call. */
function sender(hot: HotStore) {
  let events = 0
  let sent: Promise<unknown>[] = []
  const done = async () => {
    const waiting = sent
    sent = []
    events = 0
    await Promise.all(waiting)
  }
  const send = async (request: IngestRequest) => {
    const answer = hot.ingest(request)
    answer.catch(() => {}) // `done` tells
    sent.push(answer)
    events += request.events.length
    if (events >= EVENTS_AT_ONCE) await done()
  }
  return Object.assign(send, { done })
}
