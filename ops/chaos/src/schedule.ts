import type { Break } from './breaks.ts'
import { FLEET_NEMESES } from './fleet-nemeses.ts'
import { FLEET_POINTS, KILL_POINTS, type Durability } from './kill-points.ts'
import { NEMESES, type Nemesis } from './nemeses.ts'
import { Random } from './random.ts'

export type Edition = 'embedded' | 'servers'

/** One thing that happens to a process: it dies at the `nth` pass of a kill point, or a nemesis strikes. */
export type Strike = { name: string; nth: number; draw: number }

/** A round of a run, whole: two lists of what happens, one thing after the other. A fleet has one list. */
export type Schedule = {
  seed: string
  round: number
  /** `lanes`: two small processes, replaced in a moment. `fleet`: the real ones, with clients over HTTP. */
  kind: 'lanes' | 'fleet'
  stores: Edition
  durability: Durability
  /** Power may fail: every freeze waits until the disk has it, in one of the two ways of {@link Nemesis}. */
  power: false | 'own' | 'fixed'
  breaks: Break | undefined
  strikes: [Strike[], Strike[]]
}

export type DealOptions = Pick<Schedule, 'seed' | 'kind' | 'stores' | 'durability' | 'breaks'> & {
  only: string | undefined
  /** How many the run is to reach: rounds of a short run are short as well. */
  kills?: number | undefined
}

/** The process that ticks and imports; the other one has no such points. */
const TICKING = 1
const TICKING_ONLY = /^(queue\.|journal\.(claim\[tick|swap|put\[import)|hot\.(expireClaims|openRepair))/
const BIRTH = /^journal\.claim\[epoch/
const BIRTH_ONE_IN = 2
const NEMESIS_ONE_IN = 6
const POWER_ONE_IN = 6
/** For each of the two processes. */
const STRIKES = 12
const POWER_STRIKES = 4
const BROKEN_STRIKES = 3
const FLEET_STRIKES = 14
/** Some of them last for half a minute. */
const FLEET_ONLY_STRIKES = 4
const FLEET_POWER_ONE_IN = 3
const FLEET_STORM_ONE_IN = 4
const NOWHERE = /^$/
/** Where the kills of the process that does not tick aim when a rule is taken away: where only that rule helps. */
const BROKEN_AIMS: Record<Break, RegExp> = {
  dedupe: /^hot\.ingest:/, freeze: /^hot\.freeze:/, fence: /^rollups\.(apply:(half|after)|finishManifest:before)/, wait: NOWHERE,
}

/** What can happen in this edition. */
export function listStrikes(stores: Edition, durability: Durability): string[] {
  return [...KILL_POINTS.map(({ name }) => name), ...nemesesOf(stores, durability).map(({ name }) => name)]
}

/** What can happen to a fleet in this edition. */
export function listFleetStrikes(stores: Edition, durability: Durability): string[] {
  return [...FLEET_POINTS.keys(), ...playable(FLEET_NEMESES, stores, durability).map(({ name }) => name)]
}

/** Deals rounds for a whole fleet: kill points and nemeses from one shuffled order. */
function* dealFleetRounds({ seed, stores, durability, only, kills = Infinity }: DealOptions): Generator<Schedule> {
  const random = new Random(`${seed}|${stores}|${durability}|fleet`)
  const names = listFleetStrikes(stores, durability).filter((name) => only === undefined || only === name)
  const storms = playable(FLEET_NEMESES, stores, durability).filter(({ name, power }) => power && names.includes(name))
  const calm = deckOf(random, names.filter((name) => !storms.some((storm) => storm.name === name)))
  const length = Math.min(only === undefined ? FLEET_STRIKES : FLEET_ONLY_STRIKES, kills)
  for (let round = 1; ; round++) {
    const storm = stormOf(round, storms, only === undefined ? FLEET_POWER_ONE_IN : 1)
    const strikes = Array.from({ length }, (_, at) => {
      const name = at % FLEET_STORM_ONE_IN === 0 ? storm?.name : undefined
      return { name: name ?? take(calm) ?? 'sigkill', nth: random.whole(1, 2), draw: random.next() }
    })
    yield { seed, round, kind: 'fleet', stores, durability, power: storm?.power ?? false, breaks: undefined, strikes: [strikes, []] }
  }
}

/** Deals round after round: points come in a shuffled order that begins anew when all had their turn. */
export function* dealRounds(options: DealOptions): Generator<Schedule> {
  if (options.kind === 'fleet') yield* dealFleetRounds(options)
  const { seed, stores, durability, breaks, kills = Infinity } = options
  const only = breaks === 'wait' ? 'redis-power-loss' : options.only
  const random = new Random(`${seed}|${stores}|${durability}`)
  const points = [0, TICKING].map((lane) => deckOf(random, pointsFor(lane, only)))
  const births = deckOf(random, KILL_POINTS.map(({ name }) => name).filter((name) => BIRTH.test(name) && (only === undefined || only === name)))
  const aimed = breaks && deckOf(random, KILL_POINTS.map(({ name }) => name).filter((name) => BROKEN_AIMS[breaks].test(name)))
  const nemeses = breaks && breaks !== 'wait' ? [] : nemesesOf(stores, durability).filter(({ name }) => only === undefined || only === name)
  const calm = deckOf(random, nemeses.filter(({ power }) => !power).map(({ name }) => name))
  const storms = nemeses.filter(({ power }) => power)
  for (let round = 1; ; round++) {
    const storm = stormOf(round, storms, only === undefined ? POWER_ONE_IN : 1)
    const drawNemesis = () => (storm && (only !== undefined || random.whole(1, 2) === 1) ? storm.name : take(calm))
    const drawStrike = (lane: number): Strike => {
      const rare = random.whole(1, NEMESIS_ONE_IN) === 1 ? drawNemesis() : undefined
      const aim = lane === TICKING ? undefined : aimed && take(aimed)
      const name = rare ?? aim ?? take(points[lane]!) ?? drawNemesis() ?? 'sigkill'
      // The clock of the process that ticks stays: it would settle ticks of hours to come.
      return { name: lane === TICKING && name === 'clock-step' ? 'sigkill' : name, nth: random.whole(1, 3), draw: random.next() }
    }
    // A shard's data begins once in a round, so these points come first or not at all.
    const birth = breaks === undefined && round % BIRTH_ONE_IN === 1 ? take(births) : undefined
    const length = Math.min(breaks === 'wait' ? 1 : breaks ? BROKEN_STRIKES : storm ? POWER_STRIKES : STRIKES, Math.ceil(kills / 2) + 1)
    const strikesOf = (lane: number) => Array.from({ length }, () => drawStrike(lane))
    const [first, second] = [strikesOf(0), strikesOf(TICKING)]
    if (birth !== undefined) first[0] = { name: birth, nth: random.whole(1, 3), draw: 0 }
    yield { seed, round, kind: 'lanes', stores, durability, breaks, power: storm?.power ?? false, strikes: [first, second] }
  }
}

function nemesesOf(stores: Edition, durability: Durability) {
  return playable(NEMESES, stores, durability)
}

function playable<One extends Pick<Nemesis, 'stores' | 'durability' | 'playable'>>(nemeses: readonly One[], edition: Edition, mode: Durability): One[] {
  return nemeses.filter(({ stores = edition, durability = mode, playable }) => stores === edition && durability === mode && (playable?.() ?? true))
}

/** What takes the power in this round, each in its turn: their freezes wait in different ways. */
function stormOf<Storm>(round: number, storms: readonly Storm[], oneIn: number): Storm | undefined {
  return round % oneIn === 0 ? storms[(round / oneIn - 1) % storms.length] : undefined
}

function pointsFor(lane: number, only: string | undefined): string[] {
  return KILL_POINTS.map(({ name }) => name)
    .filter((name) => (only === undefined || only === name) && !BIRTH.test(name) && (lane === TICKING || !TICKING_ONLY.test(name)))
}

function* deckOf(random: Random, names: readonly string[]): Generator<string> {
  while (names.length > 0) yield* random.shuffled(names)
}

function take(deck: Generator<string>): string | undefined {
  const { value, done } = deck.next()
  return done ? undefined : value
}
