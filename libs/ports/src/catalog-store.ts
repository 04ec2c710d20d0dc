import type { EntityTotals } from './rollup-store.ts'

export type CatalogOf = { tenant: string; domain: string; entityType: string }

/** A catalog row to write: its id and the mapped columns; columns that are absent keep their value. */
export type CatalogRowInput = { id: string; columns: Record<string, unknown> }

/** A catalog row as it stands. */
export type CatalogRow = CatalogOf & {
  id: string
  title: string | null
  /** The mapped columns, lists and JSON parsed. */
  columns: Record<string, unknown>
  /** The number in each totals column, by action. */
  totals: Record<string, number>
  /** What stood in each totals column before the first sync, by action; 0 until bound. */
  opening: Record<string, number>
  /** `seq` of the totals that the row shows; 0 when none. */
  version: number
  /** Number of the row's last change, edits and totals alike: no two rows of a shard share one. 0 when none. */
  revision: number
  shard: number
}

/** Some columns of a catalog row. */
export type CatalogColumns = Pick<CatalogRow, 'id' | 'title' | 'columns'>

export type PutTotalsResult = {
  /** Rows whose totals changed. */
  written: number
  /** Rows that showed this version or a later one. */
  stale: number
  /** Ids without a catalog row, or that do not fit the key's type. */
  orphans: string[]
}

/**
 * The catalog: the SQL tables of the packs' mappings, and beside them what the engine must remember of each row
 * (version, revision, opening). Totals are absolute and versioned: writing them again, or late, changes nothing.
 *
 * Every change of a row takes the next number of its shard inside its own transaction, so numbers are committed in
 * order and a reader that saw number r has seen everything below it.
 */
export interface CatalogStore extends AsyncDisposable {
  /**
   * Creates or updates rows by id, and gives each a new revision. All the rows of one id become one. Rejects with
   * `FIELD_INVALID`, before anything is written, when an id or a column does not fit the mapping (pointers start at
   * `rows`). A large list is several transactions: call again after another error. Rows are bound by `putTotals` alone.
   */
  putRows(of: CatalogOf, rows: readonly CatalogRowInput[]): Promise<{ inserted: number; updated: number }>
  listRows(of: CatalogOf, ids: readonly string[]): Promise<CatalogRow[]>
  /** Rows in key order after `after`, at most `limit`. */
  scanRows(of: CatalogOf, after: string | undefined, limit: number): Promise<CatalogRow[]>
  /**
   * Titles and the named columns of rows, in key order, at most `limit`: what groupings and filters read. Columns that
   * the mapping does not have are absent.
   */
  listColumns(of: CatalogOf, columns: readonly string[], limit: number): Promise<CatalogColumns[]>
  /** Tenants that have rows in this catalog table. */
  listTenants(domain: string, entityType: string): Promise<string[]>
  /**
   * Ids of rows that `putTotals` has not met, in key order: inserted behind the engine's back, or by `putRows` without
   * what should follow it. Also rows bound before their mapping gained a totals column.
   */
  listUnbound(of: CatalogOf, limit: number): Promise<string[]>

  /**
   * Writes totals where their `seq` is above the row's version, or the row shows other numbers for the same one:
   * opening + total in every totals column, in one transaction with the version. Totals of types without a catalog are
   * passed over. A row that is met for the first time is bound: the numbers in it become its opening. Totals of an
   * entity with `seq` 0 and no counts only bind the row.
   */
  putTotals(totals: readonly EntityTotals[]): Promise<PutTotalsResult>
  /** Up to which batch each shard is synced; shards without a mark are absent. */
  listMarks(): Promise<Map<number, number>>
  /** Raises marks; a mark never goes down. */
  putMarks(marks: ReadonlyMap<number, number>): Promise<void>

  /** The last change number of each shard that has one. */
  listRevisions(): Promise<Map<number, number>>
  /**
   * Rows of a shard with a revision in (after, upTo], by revision: `limit` of them, and all others that share the
   * last one's revision, so that the next page can start after it.
   */
  listChanged(shard: number, after: number, upTo: number, limit: number): Promise<CatalogRow[]>
}
