import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@tallyfleet/domain'
import { getTenant, importCatalog, importFile, IMPORT_FORMATS, parseFieldMap, syncSegments, type ImportFormat } from '@tallyfleet/features'
import { systemClock } from '@tallyfleet/ports'
import { openAll, openDurable, packs, storesConfigOf, type Environment } from '../context.ts'
import { showProgress } from '../progress.ts'
import { EXIT, type CommandResult } from '../output.ts'

export type ImportOptions = { format: string; tenant: string; domain?: string; map: string[] }

/** Imports a file, or standard input for `-`. Ctrl-C stops after the current chunks; the same command goes on. */
export async function importEvents(env: Environment, file: string, options: ImportOptions): Promise<CommandResult> {
  const format = IMPORT_FORMATS.find((name) => name === options.format)
  if (!format) throw new AppError('USAGE_INVALID', `--format must be one of ${IMPORT_FORMATS.join(', ')}`)
  await using stores = await openAll(env)
  await using spooled = await sourceOf(file, storesConfigOf(env).FLEET_HOME)
  const { zone } = await getTenant(options.tenant, { ...stores, clock: systemClock })
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  const progress = showProgress(`importing ${file}`)
  try {
    const counts = await importFile(
      { path: spooled.path, format: format satisfies ImportFormat, tenant: options.tenant, zone, options: { domain: options.domain, map: parseFieldMap(options.map) } },
      { ...stores, packs, clock: systemClock }, { signal: stop.signal, onProgress: progress.update },
    )
    const reasons = Object.entries(counts.reasons).map(([reason, count]) => `  ${count} ${reason}`)
    return {
      data: counts,
      text: [`read ${counts.read}: accepted ${counts.accepted}, duplicates ${counts.duplicates}, rejected ${counts.rejected}`, ...reasons].join('\n'),
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
    return { data: null, text: 'stopped; run the same command to go on', exit: EXIT.interrupted }
  } finally {
    progress.end()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

/** Upserts catalog rows and projects their totals. */
export async function importCatalogRows(
  env: Environment, file: string, options: { format: string; tenant: string; domain: string; type: string },
): Promise<CommandResult> {
  const format = (['movielens', 'ndjson', 'csv'] as const).find((name) => name === options.format)
  if (!format) throw new AppError('USAGE_INVALID', '--format must be one of movielens, ndjson, csv')
  await using stores = await openDurable(env)
  await using spooled = await sourceOf(file, storesConfigOf(env).FLEET_HOME)
  await getTenant(options.tenant, { ...stores, clock: systemClock })
  const counts = await importCatalog(
    { path: spooled.path, format, tenant: options.tenant, domain: options.domain, entityType: options.type }, { ...stores, packs })
  await syncSegments({ ...stores, packs })
  return {
    data: counts,
    text: `read ${counts.read}: inserted ${counts.inserted}, updated ${counts.updated}, rejected ${counts.rejected}`,
  }
}

/** Standard input is written to a file first: an import reads its source twice, once to recognise it. */
async function sourceOf(file: string, home: string): Promise<AsyncDisposable & { path: string }> {
  if (file !== '-') return { path: resolve(file), async [Symbol.asyncDispose]() {} }
  const folder = join(home, 'tmp')
  await mkdir(folder, { recursive: true })
  const path = join(folder, `import-${process.pid}`)
  await pipeline(process.stdin, createWriteStream(path))
  return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}
