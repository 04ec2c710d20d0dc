import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toAppError } from '@tallyfleet/domain'
import type { LoggedCounters } from '@tallyfleet/ports'
import { logIdOf, readSegments } from './segments.ts'

/** Where the ingest logs of a home stand, one folder for each process that writes at the same time. */
export const logFolder = (home: string) => join(home, 'log')

/** The folders of all logs of a home, in order. */
export async function listLogFolders(home: string): Promise<string[]> {
  const names = await readdir(logFolder(home)).catch(() => [] as string[])
  return names.filter((name) => /^\d{3}$/.test(name)).sort().map((name) => join(logFolder(home), name))
}

export type LogSummary = {
  folder: string
  id: string
  segments: number
  records: number
  events: number
  firstAt: Date | undefined
  lastAt: Date | undefined
  /** What a crash left at the end of segments: never acknowledged. */
  torn: string[]
  /** What is damaged; undefined: every record that was acknowledged and not deleted since is there. */
  fault: string | undefined
}

/** Reads every record of every log of a home, and checks it. */
export async function listLogs(home: string): Promise<LogSummary[]> {
  return await Promise.all((await listLogFolders(home)).map(async (folder) => {
    const summary: LogSummary = {
      folder, id: await logIdOf(folder) ?? '', segments: 0, records: 0, events: 0, firstAt: undefined, lastAt: undefined,
      torn: [], fault: undefined,
    }
    try {
      for await (const { segment, records, fault } of readSegments(folder)) {
        summary.segments++
        summary.records += records.length
        for (const { events } of records) summary.events += events.length
        summary.firstAt ??= segment.firstAt
        summary.lastAt = segment.lastAt ?? summary.lastAt
        if (fault) summary.torn.push(`${segment.path}: ${fault}`)
      }
    } catch (error) {
      summary.fault = toAppError(error).message
    }
    return summary
  }))
}

/**
 * Shards of which the hot store lacks logged records: `lost` ones have no memory of them at all. What is just on its
 * way counts as lacking: ask again before it is believed.
 */
export async function countLacking(home: string, hot: LoggedCounters): Promise<{ lost: number; behind: number }> {
  const shards = await hot.listShardLogs()
  const lost = new Set<number>()
  const behind = new Set<number>()
  for (const folder of await listLogFolders(home)) {
    const id = await logIdOf(folder) ?? ''
    for await (const { segment } of readSegments(folder)) {
      for (const { shard, ready, positions } of shards) {
        const last = segment.lastOf[shard]!
        if (last > 0 && !ready) lost.add(shard)
        else if (last > (positions[id] ?? 0)) behind.add(shard)
      }
    }
  }
  return { lost: lost.size, behind: behind.size }
}
