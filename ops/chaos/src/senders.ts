import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { shardOf } from '@tallyfleet/domain'
import type { Books, ChaosEvent } from './books.ts'
import type { Random } from './random.ts'

const DAY_MS = 86_400_000
const REPEAT_ONE_IN = 4
const IMPORT_LINES = 1_100

/** The movies that events happen to: three in each of eight shards, so that a shard has more than one to write. */
export const ENTITIES: readonly string[] = [...Map.groupBy(
  Array.from({ length: 4_000 }, (_, at) => `m-${at}`),
  (entityId) => shardOf({ tenant: 'default', domain: 'jav', entityType: 'movie', entityId }),
)].filter(([shard]) => shard % 32 === 0).flatMap(([, ids]) => ids.slice(0, 3))

/** Sends a request once; resolves when it was acknowledged, rejects when that is not sure. */
export type Send = (events: ChaosEvent[]) => Promise<unknown>

/**
 * A client: sends request after request until told to stop, repeats each with the same ids until it is acknowledged,
 * and now and then sends an acknowledged one again. Resolves when nothing of it is unacknowledged.
 * @throws when a request is not acknowledged for `patienceMs`: the fleet is wedged
 */
export async function runSender(
  name: string, send: Send, books: Books, random: Random,
  { until, pauseMs, patienceMs }: { until: AbortSignal; pauseMs: number; patienceMs: number },
): Promise<void> {
  for (let request = 0; !until.aborted; request++) {
    const events = Array.from({ length: random.whole(1, 6) }, (_, at) => drawEvent(random, `${name}-${request}-${at}`))
    const deadline = performance.now() + patienceMs
    while (!await send(events).then(() => true, () => false)) {
      if (performance.now() > deadline) throw new Error(`${name}: a request was not acknowledged for ${patienceMs / 1_000} s`)
      await sleep(20)
    }
    books.acknowledge(events)
    if (random.whole(1, REPEAT_ONE_IN) === 1) await send(events).catch(() => {})
    await sleep(pauseMs)
  }
}

function drawEvent(random: Random, eventId: string): ChaosEvent {
  return {
    domain: 'jav', entity_type: 'movie', entity_id: random.pick(ENTITIES), action: random.pick(['view', 'view', 'download'] as const),
    occurred_at: new Date(Date.now() - random.whole(0, 2) * DAY_MS).toISOString(), event_id: eventId,
  }
}

/** Writes a file to import: lines without ids, which count once by their place in the file. */
export function writeImport(folder: string, name: string, random: Random): { path: string; events: ChaosEvent[] } {
  const events = Array.from({ length: IMPORT_LINES }, () => {
    const { event_id: _, ...event } = drawEvent(random, '')
    return event
  })
  const path = join(folder, `${name}.ndjson`)
  writeFileSync(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  return { path, events }
}
