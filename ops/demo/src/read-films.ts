import { readFileSync } from 'node:fs'

type Row = { id: string } & Record<string, string | number | string[] | null>

/** Catalog rows of the pack `jav`, the films by fame: the first is the best known. */
export type DemoCatalog = { movie: Row[]; actor: Row[]; tag: Row[] }

type Source = {
  Title: string | number | null
  'Release Date': string
  'MPAA Rating': string | null
  'Running Time min': number | null
  Distributor: string | null
  Source: string | null
  'Major Genre': string | null
  'Creative Type': string | null
  Director: string | null
  'IMDB Votes': number | null
}

/** Ends before the data set was made: later years are of the century before. */
const LAST_YEAR = 2012
/** What the data set has where the date is not known: the second before 1970. */
const NO_DATE = '1969-12-31'
const ADDED_AT = '2026-01-01T00:00:00.000Z'

/**
 * The films of `vega-datasets` as they are, with their gaps; who directed stands as an actor, for want of a cast.
 * @param most the best known alone
 */
export function readFilms(most = Infinity): DemoCatalog {
  const file = new URL('../data/movies.json', import.meta.resolve('vega-datasets'))
  const sources = (JSON.parse(readFileSync(file, 'utf8')) as Source[]).filter(({ Title }) => Title !== null)
    .sort((a, b) => (b['IMDB Votes'] ?? 0) - (a['IMDB Votes'] ?? 0)).slice(0, most)
  const taken = new Set<string>()
  const actors = new Map<string, Row>()
  const tags = new Map<string, Row>()
  const stamps = { created_at: ADDED_AT, updated_at: ADDED_AT }
  const tagOf = (name: string | null, kind: string): string[] => {
    if (name === null) return []
    const id = slugOf(name)
    if (!tags.has(id)) tags.set(id, { id, name, kind, description: `Films by ${kind}: ${name}`, ...stamps })
    return [id]
  }
  const actorOf = (name: string | null): string[] => {
    if (name === null) return []
    const id = slugOf(name)
    if (!actors.has(id)) actors.set(id, { id, name, source: 'Directors', ...stamps })
    return [id]
  }
  const movie = sources.map((film): Row => {
    const title = repairTitle(String(film.Title))
    const released = dateOf(film['Release Date'])
    const year = released?.slice(0, 4)
    const base = [slugOf(title) || 'film', ...(year ? [year] : [])].join('-')
    let id = base
    for (let serial = 2; taken.has(id); serial++) id = `${base}-${serial}`
    taken.add(id)
    const genre = film['Major Genre']
    return {
      id, title, release_date: released, source: film.Source, studio: film.Distributor, duration_minutes: film['Running Time min'],
      genres: genre === null ? [] : [genre], actors: actorOf(film.Director),
      tags: [...tagOf(film['MPAA Rating'], 'rating'), ...tagOf(film['Creative Type'], 'setting')],
      description: film.Director && genre ? `${genre}${year ? ` of ${year}` : ''}, directed by ${film.Director}` : null, ...stamps,
    }
  })
  return { movie, actor: [...actors.values()], tag: [...tags.values()] }
}

/** `Jun 12 1998` → `1998-06-12`. */
function dateOf(text: string): string | null {
  const at = new Date(`${text} UTC`)
  if (at.getUTCFullYear() > LAST_YEAR) at.setUTCFullYear(at.getUTCFullYear() - 100)
  const day = at.toISOString().slice(0, 10)
  return day === NO_DATE ? null : day
}

const MACINTOSH = new Map(Array.from(new TextDecoder('macintosh').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte)),
  (character, byte) => [character, byte]))

/** Titles were read as Macintosh text while they were Latin-1: `LÈon` is `Léon`. */
function repairTitle(title: string): string {
  const bytes = Array.from(title, (character) => MACINTOSH.get(character))
  return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes).toString('latin1') : title
}

function slugOf(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
}
