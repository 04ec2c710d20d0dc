import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { flushShards, importCatalog, importFile, syncCatalog, syncSegments, type FlushNeeds } from '@tallyfleet/features'
import type { CatalogStore, RecordStore, SegmentStore } from '@tallyfleet/ports'
import { putDemoState } from './demo-state.ts'
import { readFilms, type DemoCatalog } from './read-films.ts'
import { trafficOf } from './traffic.ts'

const DAY_MS = 86_400_000
const DAYS = 30

export type LoadDemoNeeds = FlushNeeds & { catalog: CatalogStore; segments: SegmentStore; records: RecordStore }

export type DemoCounts = { rows: number; events: number; duplicates: number; seconds: number }

/**
 * Fills a tenant with the films and the traffic of the last 30 days up to now, through the import path, and brings
 * every store up to date. A day is a file, and the same one each time: loading again counts what is new since then and
 * nothing twice. Safe beside other loads, and to run again from any point.
 * @param size fewer films, events and days, for tests
 */
export async function loadDemo(
  { tenant, zone }: { tenant: string; zone: string }, needs: LoadDemoNeeds,
  { signal, onProgress, size, jobId = `demo-${process.pid}` }: {
    signal?: AbortSignal; onProgress?: (done: number) => void; size?: { films: number; eventsADay: number; days: number }; jobId?: string
  } = {},
): Promise<DemoCounts> {
  const startedAt = needs.clock.now()
  const state = { startedAt: startedAt.toISOString(), loadedAt: null }
  await putDemoState(tenant, { ...state, state: 'loading' }, needs)
  const folder = await mkdtemp(join(tmpdir(), 'fleet-demo-'))
  const counts: DemoCounts = { rows: 0, events: 0, duplicates: 0, seconds: 0 }
  try {
    const catalog = readFilms(size?.films)
    await importRows(catalog)
    const { days } = { days: DAYS, ...size }
    const eventsOfDay = trafficOf(catalog, size)
    for (let ago = days - 1; ago >= 0; ago--) {
      await importDay(eventsOfDay, new Date(startedAt.getTime() - ago * DAY_MS).toISOString().slice(0, 10))
      onProgress?.(1 - ago / days)
    }
    // A batch that somebody else had frozen before lacks what was counted since.
    for (let shards: readonly number[] = ALL_SHARDS; shards.length > 0;) {
      shards = (await flushShards(shards, needs, { jobId, signal })).left
    }
    await syncCatalog(needs, { signal })
    await syncSegments(needs, { signal })
  } catch (error) {
    await putDemoState(tenant, { ...state, state: 'broken' }, needs)
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  await putDemoState(tenant, { ...state, state: 'loaded', loadedAt: needs.clock.now().toISOString() }, needs)
  counts.seconds = (needs.clock.now().getTime() - startedAt.getTime()) / 1_000
  return counts

  async function importRows(catalog: DemoCatalog): Promise<void> {
    for (const [entityType, rows] of Object.entries(catalog)) {
      const path = await write(entityType, rows)
      const { inserted, updated } = await importCatalog({ path, format: 'ndjson', tenant, domain: 'jav', entityType }, needs)
      counts.rows += inserted + updated
    }
  }

  async function importDay(eventsOfDay: ReturnType<typeof trafficOf>, day: string): Promise<void> {
    const until = startedAt.toISOString()
    const path = await write(day, eventsOfDay(day).filter(({ occurred_at }) => occurred_at < until))
    const { accepted, duplicates } = await importFile({ path, format: 'ndjson', tenant, zone, options: {} }, needs, { signal })
    counts.events += accepted
    counts.duplicates += duplicates
  }

  async function write(name: string, rows: readonly unknown[]): Promise<string> {
    const path = join(folder, `${name}.ndjson`)
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return path
  }
}
