import { AppError } from '@tallyfleet/domain'
import { forgetLog, LoggedHotStore, listLogs, type LogSummary } from '@tallyfleet/store-log'
import { openAll, openDurable, storesConfigOf, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

export async function listLogsCommand(env: Environment): Promise<CommandResult> {
  return answerOf(await listLogs(storesConfigOf(env).FLEET_HOME))
}

/** As the list; exit 3 when a record that was acknowledged is gone or unreadable. */
export async function verifyLogs(env: Environment): Promise<CommandResult> {
  const logs = await listLogs(storesConfigOf(env).FLEET_HOME)
  return { ...answerOf(logs), exit: logs.some(({ fault }) => fault !== undefined) ? EXIT.difference : EXIT.ok }
}

/**
 * Sends Redis what it lacks of the logs that no running process writes to; each process does so for its own. With
 * `stopped` the shards that stopped are emptied first and made again from rollups and logs.
 */
export async function rebuildFromLogs(env: Environment, { stopped }: { stopped: boolean }): Promise<CommandResult> {
  await using stores = await openAll({ ...env, INGEST_DURABILITY: 'log-first' })
  const hot = stores.hot as LoggedHotStore
  const shards = stopped ? (await hot.listShards()).filter((shard) => shard.stopped !== undefined).map(({ shard }) => shard) : []
  const answer = await hot.rebuild(shards)
  return {
    data: { shards: shards.length, ...answer }, exit: answer.stopped > 0 ? EXIT.partly : EXIT.ok,
    text: `${shards.length} shards made again, ${answer.events} logged events sent, ${answer.stopped} shards are stopped`,
  }
}

/**
 * No rebuild waits for this log any more: of the events that only it knew, a repeat counts again. Rejects with
 * `RECORD_UNKNOWN`.
 */
export async function forgetLogCommand(env: Environment, id: string): Promise<CommandResult> {
  await using stores = await openDurable(env)
  if (!await forgetLog(id, stores.journal)) throw new AppError('RECORD_UNKNOWN', `no ingest log ${id} is known`)
  return { data: { id }, text: `no rebuild waits for ingest log ${id} any more` }
}

function answerOf(logs: LogSummary[]): CommandResult {
  const rows = logs.map(({ folder, id, segments, records, events, firstAt, lastAt, fault }) =>
    [folder, id, segments, records, events, firstAt?.toISOString() ?? '', lastAt?.toISOString() ?? '', fault ?? 'ok'])
  return {
    data: logs, text: logs.length === 0 ? 'no ingest log: INGEST_DURABILITY=log-first writes them'
      : table(['folder', 'id', 'segments', 'records', 'events', 'first', 'last', 'state'], rows),
    warnings: logs.flatMap(({ torn }) => torn.map((where) => `${where}: left by a crash, never acknowledged`)),
  }
}
