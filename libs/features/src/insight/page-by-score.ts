import { readCursor, writeCursor } from '../explore/cursor.ts'
import { byBytes } from './read-sums.ts'

/**
 * One page of a list that was computed whole: by score, highest first, then by id in byte order. The cursor is bound to
 * `list`, what was asked. Numbers that change between two pages move entries, as in any list that lives.
 */
export function pageByScore<Item>(
  items: readonly Item[], placeOf: (item: Item) => { score: number; id: string },
  { limit, cursor }: { limit: number; cursor?: string | undefined }, list: readonly unknown[], secret: string,
): { page: Item[]; nextCursor: string | undefined } {
  const after = cursor === undefined ? undefined : readCursor(cursor, list, secret)
  const placed = items.map((item) => ({ item, ...placeOf(item) }))
    .filter(({ score, id }) => !after || score < after.count || (score === after.count && byBytes(id, after.entityId) > 0))
    .sort((a, b) => b.score - a.score || byBytes(a.id, b.id))
  const page = placed.slice(0, limit)
  const last = placed.length > limit ? page.at(-1)! : undefined
  return {
    page: page.map(({ item }) => item),
    nextCursor: last && writeCursor({ count: last.score, entityId: last.id }, list, secret),
  }
}
