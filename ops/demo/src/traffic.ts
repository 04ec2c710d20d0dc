import type { DemoCatalog } from './read-films.ts'
import { drawerOf, randomOf } from './random.ts'

const DAY_MS = 86_400_000
/** An event of the ingest contract; without an id, as it comes from a file. */
export type DemoEvent = { domain: 'jav'; entity_type: string; entity_id: string; action: string; occurred_at: string }

/** Events of an average day. */
const EVENTS_A_DAY = 2_400
/** From Sunday on: films are watched at the weekend. */
const WEEKDAYS = [1.28, 0.83, 0.8, 0.86, 0.93, 1.12, 1.34]
/** From midnight on, UTC: quiet at four, a little more at noon, most in the evening. */
const HOURS = [34, 22, 14, 10, 8, 10, 16, 26, 36, 42, 46, 50, 58, 56, 52, 52, 56, 64, 78, 96, 108, 104, 84, 56]
/** Share of a film on the day of its launch; of what is left each day later. */
const LAUNCH = { share: 0.09, fade: 0.72, days: 14, aWeek: 2, among: 400 }
/** A day on which everybody looks for one director. */
const SPIKE = { oneDayOf: 9, films: 14, traffic: 1.3, leastFilms: 4 }
/** Popularity by rank, Zipf–Mandelbrot: (rank + shift) ** -exponent. */
const FAME = { exponent: 1.3, shift: 12 }
/** Of all events: visits of the page of a film's director, and of one of its tags. */
const SHARES = { actor: 0.07, tag: 0.04 }

/**
 * Makes days of traffic: weekly and daily rhythm, popularity by power law, launches, and days on which a director is the
 * talk of the town. A day depends on the catalog, the seed and its own date alone: whoever makes it again gets the same
 * events, in order of time.
 */
export function trafficOf(catalog: DemoCatalog, { seed = 'tallyfleet', eventsADay = EVENTS_A_DAY }: { seed?: string; eventsADay?: number } = {}) {
  const { movie: movies } = catalog
  const fame = movies.map((_, rank) => (rank + 1 + FAME.shift) ** -FAME.exponent)
  const totalFame = fame.reduce((sum, weight) => sum + weight, 0)
  const indexesOf = Map.groupBy(movies.keys(), (index) => (movies[index]!.actors as string[])[0] ?? '')
  indexesOf.delete('')
  const known = [...indexesOf.values()].filter((films) => films.length >= SPIKE.leastFilms)
  /** How many of a film's events are downloads. */
  const downloadRates = movies.map(({ id }) => 0.03 + 0.24 * randomOf(seed, 'rate', id)() ** 3)
  const drawHour = drawerOf(HOURS)

  /** @param day `2026-11-21` */
  return function eventsOfDay(day: string): DemoEvent[] {
    const midnight = Date.parse(`${day}T00:00:00Z`)
    const number = midnight / DAY_MS
    const random = randomOf(seed, day)
    const weights = [...fame]
    for (let age = 0; age < LAUNCH.days; age++) {
      for (const film of launchesOn(number - age)) weights[film]! += totalFame * LAUNCH.share * LAUNCH.fade ** age
    }
    const spotlight = known.length > 0 && random() < 1 / SPIKE.oneDayOf ? known[Math.floor(random() * known.length)]! : []
    for (const film of spotlight) weights[film]! += fame[Math.min(film, 30)]! * SPIKE.films
    const season = 1 + 0.12 * Math.sin(number / 17) + 0.05 * Math.sin(number / 5)
    const noise = 0.95 + 0.1 * random()
    const weekday = WEEKDAYS[new Date(midnight).getUTCDay()]!
    const count = Math.round(eventsADay * weekday * season * noise * (spotlight.length > 0 ? SPIKE.traffic : 1))

    const times = Array.from({ length: count }, () => midnight + Math.floor((drawHour(random) + random()) * 3_600_000)).sort((a, b) => a - b)
    const drawFilm = drawerOf(weights)
    return times.map((at): DemoEvent => {
      const index = drawFilm(random)
      const film = movies[index]!
      const [where, what] = [random(), random()]
      const occurred_at = new Date(at).toISOString()
      const event = (entity_type: string, entity_id: string, action = 'view'): DemoEvent =>
        ({ domain: 'jav', entity_type, entity_id, action, occurred_at })
      const [actor] = film.actors as string[]
      const tags = film.tags as string[]
      if (where < SHARES.actor && actor !== undefined) return event('actor', actor)
      if (where > 1 - SHARES.tag && tags.length > 0) return event('tag', tags[Math.floor(what * tags.length)]!)
      return event('movie', film.id, what < downloadRates[index]! ? 'download' : 'view')
    })
  }

  /** Films that were launched on a day, counted from 1970: two a week, on a day of their own. */
  function launchesOn(number: number): number[] {
    const week = Math.floor((number + 4) / 7)
    return Array.from({ length: LAUNCH.aWeek }, (_, serial) => randomOf(seed, 'launch', week, serial)).flatMap((random) => {
      const weekday = Math.floor(random() * 7)
      const film = Math.floor(random() * Math.min(LAUNCH.among, movies.length))
      return (number + 4) % 7 === weekday ? [film] : []
    })
  }
}
