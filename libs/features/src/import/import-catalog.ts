import { createReadStream } from 'node:fs'
import { AppError, shardOf, type Packs } from '@tallyfleet/domain'
import type { CatalogRowInput, CatalogStore, RollupStore } from '@tallyfleet/ports'
import { projectRows } from '../catalog-sync/sync-catalog.ts'
import { readCatalogRecords } from './catalog-records.ts'

const PAGE = 500

export type ImportCatalogSource = {
  path: string
  format: 'movielens' | 'ndjson' | 'csv'
  tenant: string
  domain: string
  entityType: string
}

export type ImportCatalogCounts = {
  read: number; inserted: number; updated: number; rejected: number; reasons: Record<string, number>
}

/**
 * Upserts catalog rows by id and projects their totals at once. Rows that do not fit the mapping are rejected one by
 * one, with a reason. Rejects with `ENTITY_TYPE_UNKNOWN` when the pack maps no catalog, `IMPORT_INVALID` for a file
 * that cannot be read.
 */
export async function importCatalog(
  source: ImportCatalogSource, needs: { catalog: CatalogStore; rollups: RollupStore; packs: Packs },
): Promise<ImportCatalogCounts> {
  const { tenant, domain, entityType } = source
  const of = { tenant, domain, entityType }
  const mapping = needs.packs.get(domain)?.entityTypes[entityType]?.catalog
  if (!mapping) {
    throw new AppError('ENTITY_TYPE_UNKNOWN', `${domain} has no catalog of ${JSON.stringify(entityType)}`)
  }
  const counts: ImportCatalogCounts = { read: 0, inserted: 0, updated: 0, rejected: 0, reasons: {} }
  const reject = (reason: string) => {
    counts.rejected++
    counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1
  }
  let page: CatalogRowInput[] = []
  const write = async (rows: CatalogRowInput[]): Promise<void> => {
    try {
      const { inserted, updated } = await needs.catalog.putRows(of, rows)
      counts.inserted += inserted
      counts.updated += updated
      await projectRows(of, rows.map(({ id }) => id), (entityId) => shardOf({ ...of, entityId }), needs)
    } catch (error) {
      if (!(error instanceof AppError && error.kind === 'invalid')) throw error
      if (rows.length === 1) return reject(error.code)
      for (const row of rows) await write([row]) // one bad row must not take its neighbours with it
    }
  }
  try {
    for await (const record of readCatalogRecords(createReadStream(source.path), source.format, { mapping })) {
      counts.read++
      if ('reject' in record) reject(record.reject.reason)
      else page.push(record.row)
      if (page.length === PAGE) {
        await write(page)
        page = []
      }
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('IMPORT_INVALID', `cannot read ${source.path}: ${(cause as Error).message}`, { cause })
  }
  if (page.length > 0) await write(page)
  return counts
}
