import type { CatalogRowInput } from '@tallyfleet/ports'
import { entityIdFault } from '@tallyfleet/domain'
import type { Reject } from './import-format.ts'

/** Genres by their place in a line of `u.item`. */
export const MOVIELENS_GENRES = [
  'unknown', 'Action', 'Adventure', 'Animation', "Children's", 'Comedy', 'Crime', 'Documentary', 'Drama', 'Fantasy',
  'Film-Noir', 'Horror', 'Musical', 'Mystery', 'Romance', 'Sci-Fi', 'Thriller', 'War', 'Western',
] as const

const FIRST_FLAG = 5
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY = /^(\d{1,2})-([A-Z][a-z]{2})-(\d{4})$/

/**
 * A film of a MovieLens `u.item` file (id, title, release date, video date, URL, 19 genre flags, parted by `|`) as a
 * movie of `jav`. A film without a date has none.
 */
export function readMovielensItem(line: string): { row: CatalogRowInput } | { reject: Reject } {
  const fields = line.split('|')
  const [id, title, released] = fields as [string, string, string]
  const flags = fields.slice(FIRST_FLAG)
  if (flags.length !== MOVIELENS_GENRES.length) {
    return malformed(`${fields.length} fields instead of ${FIRST_FLAG + MOVIELENS_GENRES.length}, parted by |`)
  }
  if (entityIdFault(id)) return malformed(`the id ${entityIdFault(id)}`)
  if (title === '') return malformed('the title is empty')
  if (flags.some((flag) => flag !== '0' && flag !== '1')) return malformed('a genre flag is neither 0 nor 1')
  const releaseDate = released === '' ? null : dayOf(released)
  if (releaseDate === undefined) return malformed('the release date is not a day such as 01-Jan-1995')
  const genres = MOVIELENS_GENRES.filter((_, index) => flags[index] === '1')
  return { row: { id, columns: { title, release_date: releaseDate, source: 'movielens', genres } } }
}

function dayOf(text: string): string | undefined {
  const match = DAY.exec(text)
  const month = match ? MONTHS.indexOf(match[2]!) + 1 : 0
  if (!match || month === 0) return undefined
  const day = `${match[3]}-${String(month).padStart(2, '0')}-${match[1]!.padStart(2, '0')}`
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day) ? day : undefined
}

function malformed(detail: string): { reject: Reject } {
  return { reject: { reason: 'malformed', detail } }
}
