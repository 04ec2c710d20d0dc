import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseServers } from './database-servers.ts'
import type { Edition } from './schedule.ts'

/** Where rounds are played: a folder of the run, and the databases of the servers edition. */
export type Place = { folder: string; servers: DatabaseServers | undefined }

/** Makes a place for `work`, and removes it afterwards, however the run ends. */
export async function inPlace<Result>(stores: Edition, work: (place: Place) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-chaos-'))
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.once('exit', remove)
  try {
    await using servers = stores === 'servers' ? await DatabaseServers.start(folder) : undefined
    return await work({ folder, servers })
  } finally {
    process.off('exit', remove)
    remove()
  }
}
