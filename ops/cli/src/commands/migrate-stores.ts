import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { actionsOf, AppError, describeMove } from '@tallyfleet/domain'
import { findMove, moveRollups, type House, type MoveResult } from '@tallyfleet/features'
import { silentLog, systemClock, type HotStore } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'
import { hasRollups, openRollups } from '@tallyfleet/stores'
import { openDurable, packs, storesConfigOf, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'
import { showProgress } from '../progress.ts'

/** Moves the rollups. Exit 3 when they differ from their days, which they did before. */
export async function migrateStores(
  env: Environment, { from: source, to: target, dryRun }: { from?: string; to: string; dryRun: boolean },
): Promise<CommandResult> {
  const config = storesConfigOf(env)
  const fromUrl = urlOf(source ?? config.ROLLUPS_URL ?? join(config.FLEET_HOME, 'rollups.sqlite'))
  const toUrl = urlOf(target)
  if (fromUrl === toUrl) throw new AppError('USAGE_INVALID', '--from and --to are the same store')
  if (fromUrl.startsWith('sqlite:') && !existsSync(fromUrl.slice('sqlite:'.length))) {
    throw new AppError('USAGE_INVALID', `there is no file ${fromUrl.slice('sqlite:'.length)}`)
  }
  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  await using stack = new AsyncDisposableStack()
  const progress = showProgress(`moving to ${nameOf(toUrl)}`)
  try {
    const from = await openHouse(fromUrl, stack)
    const to = dryRun && !await hasRollups(toUrl) ? await openEmptyHouse(toUrl, stack) : await openHouse(toUrl, stack)
    const hot = config.REDIS_URL === undefined ? undefined : stack.use(await RedisHotStore.open({
      url: config.REDIS_URL, settleMs: config.FREEZE_SETTLE_MS,
    }))
    const result = await moveRollups({ from, to, hot, packs, clock: systemClock, log: silentLog }, {
      dryRun, signal: interrupted.signal, onShard: (done) => progress.update({ bytes: done, size: 256 }),
    })
    return answerOf(result, { from: from.name, to: to.name, dryRun, hot })
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    return { data: null, text: 'stopped; the old store is in use as before; run the same command to go on', exit: EXIT.interrupted }
  } finally {
    progress.end()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

function answerOf(
  result: MoveResult, { from, to, dryRun, hot }: { from: string; to: string; dryRun: boolean; hot: HotStore | undefined },
): CommandResult {
  const { documents, manifests, copied, journal, differences, before } = result
  const size = `${documents} documents and ${manifests} manifests`
  const next = `set ROLLUPS_URL=${to} and restart the fleet`
  return {
    data: { from, to, dryRun, ...result }, exit: differences > 0 ? EXIT.difference : EXIT.ok,
    warnings: [
      ...(hot ? [] : ['no redis is known: nothing may count into these rollups meanwhile']),
      ...(differences > 0 ? [`${differences} rollups differ from their days, as they did before: see fleet parity-check`] : []),
    ],
    text: before ? `moved before: ${next}`
      : dryRun ? `${size}: ${copied} of 256 shards would be copied from ${from} to ${to}; nothing was changed`
      : `${size} are the same in ${from} and ${to}; ${copied} shards were copied, ${journal} journal records written\n${next}`,
  }
}

/** Where the stores are, and whether the rollups are on the move. Exit 3 when they must not be used. */
export async function migrateStatus(env: Environment): Promise<CommandResult> {
  const config = storesConfigOf(env)
  await using stack = new AsyncDisposableStack()
  const { name, rollups, journal } = await openHouse(urlOf(config.ROLLUPS_URL ?? join(config.FLEET_HOME, 'rollups.sqlite')), stack)
  const { moved, moving } = await findMove(journal)
  const why = describeMove(moved, moving)
  const shards = (await rollups.listLatestManifests()).length
  const stores = [
    ['rollups', name, why ?? `in use, ${shards} shards have counts`],
    ['catalog', nameOf(config.CATALOG_URL ?? `sqlite:${join(config.FLEET_HOME, 'catalog.sqlite')}`), 'up to date'],
    ['segments', nameOf(config.SEGMENTS_URL ?? `sqlite:${join(config.FLEET_HOME, 'segments.sqlite')}`), 'up to date'],
  ]
  // Opening a store brings its schema up to date.
  if (!why) stack.use(await openDurable(env))
  return {
    data: { stores: stores.map(([store, url, state]) => ({ store, url, state })), moved: moved ?? null, moving: moving ?? null, shards },
    exit: why ? EXIT.difference : EXIT.ok, text: table(['store', 'where', 'state'], stores as string[][]),
  }
}

async function openHouse(url: string, stack: AsyncDisposableStack): Promise<House> {
  const [rollups, journal] = await openRollups(url, actionsOf(packs))
  return { name: nameOf(url), rollups: stack.use(rollups), journal: stack.use(journal) }
}

/** Stands for a store that is not there yet, so that asking makes none. */
async function openEmptyHouse(url: string, stack: AsyncDisposableStack): Promise<House> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-migrate-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  return { ...await openHouse(`sqlite:${join(folder, 'rollups.sqlite')}`, stack), name: nameOf(url) }
}

/** A path alone is a SQLite file; a relative one is told in full, because it names the store for ever. */
function urlOf(text: string): string {
  if (/^mongodb(\+srv)?:\/\//.test(text)) return text
  const path = text.startsWith('sqlite:') ? text.slice('sqlite:'.length) : text
  if (/^[a-z+]+:\/\//.test(path)) throw new AppError('USAGE_INVALID', `rollups cannot live in ${nameOf(text)}: give sqlite:PATH or mongodb://…`)
  return `sqlite:${isAbsolute(path) ? path : resolve(path)}`
}

function nameOf(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}
