import { stepsOf } from './model.ts'
import type { State } from './state.ts'
import { isAtRest, judge, type Kind, type Violation } from './verdict.ts'
import { initialState, type Model } from './world.ts'

export type Finding = { violation: Violation; trace: string[] }
export type Exploration = {
  states: number
  steps: number
  /** States at rest, each of which was judged. */
  rests: number
  /** Those of them in which a shard stopped. */
  stops: number
  /** The violation at the end of a shortest execution that has one. */
  finding: Finding | undefined
}

const MAX_STATES = 2_000_000

/**
 * Visits every state that the model can reach, breadth first, each once, and judges those at rest. States that differ
 * only in which worker is which are one. Ends at the first violation; without one, it has also shown that every state
 * can still come to rest.
 * @param kinds look for these alone
 */
export function explore(model: Model, kinds?: readonly Kind[]): Exploration {
  const first = initialState(model)
  const keys = new StateKeys()
  const known = new Map<string, number>([[keys.of(first), 0]])
  const parents = [-1]
  /** Which of its parent's steps made a state: enough to walk there again. */
  const ordinals = [-1]
  const edges: number[] = []
  const atRest: number[] = []
  let stops = 0
  let frontier = [{ id: 0, state: first }]
  const answer = (finding?: Finding): Exploration =>
    ({ states: known.size, steps: edges.length / 2, rests: atRest.length, stops, finding })
  const traceOf = (id: number): string[] => walk(model, first, id, parents, ordinals)

  while (frontier.length > 0) {
    const next: typeof frontier = []
    for (const { id, state } of frontier) {
      if (isAtRest(model, state)) {
        atRest.push(id)
        if (state.redis.shards.some(({ stopped }) => stopped)) stops++
        const violation = judge(model, state).find(({ kind }) => !kinds || kinds.includes(kind))
        if (violation) return answer({ violation, trace: traceOf(id) })
      }
      for (const [ordinal, step] of stepsOf(model, state).entries()) {
        const key = keys.of(step.state)
        let target = known.get(key)
        if (target === undefined) {
          target = known.size
          if (target >= MAX_STATES) throw new Error(`more than ${MAX_STATES} states: make the world smaller`)
          known.set(key, target)
          parents.push(id)
          ordinals.push(ordinal)
          next.push({ id: target, state: step.state })
        }
        edges.push(id, target)
      }
    }
    frontier = next
  }
  const stuck = kinds && !kinds.includes('never rests') ? undefined : findStuck(known.size, edges, atRest)
  return answer(stuck === undefined ? undefined
    : { violation: { kind: 'never rests', what: 'there is always something left to do' }, trace: traceOf(stuck) })
}

/** The first state from which no state at rest can be reached. */
function findStuck(states: number, edges: readonly number[], atRest: readonly number[]): number | undefined {
  // The edges by target: those into state s are sources[starts[s]] … sources[starts[s + 1] - 1].
  const starts = new Int32Array(states + 2)
  for (let at = 1; at < edges.length; at += 2) starts[edges[at]! + 2]!++
  for (let at = 2; at < starts.length; at++) starts[at]! += starts[at - 1]!
  const sources = new Int32Array(edges.length / 2)
  for (let at = 0; at < edges.length; at += 2) sources[starts[edges[at + 1]! + 1]!++] = edges[at]!
  const rests = new Uint8Array(states)
  const pending = [...atRest]
  for (const id of pending) rests[id] = 1
  while (pending.length > 0) {
    const id = pending.pop()!
    for (let at = starts[id]!; at < starts[id + 1]!; at++) {
      const source = sources[at]!
      if (!rests[source]) {
        rests[source] = 1
        pending.push(source)
      }
    }
  }
  const stuck = rests.indexOf(0)
  return stuck === -1 ? undefined : stuck
}

/**
 * Writes a state as a few numbers: each distinct part is kept once and has an id. Workers are alike, so their order is
 * left out.
 */
class StateKeys {
  readonly #ids = new Map<string, number>()
  readonly #known = new WeakMap<object, number>()

  of({ redis, synced, snapshot, rollups, catalog, workers, rollupsCopy, catalogCopy, ...others }: State): string {
    const { manifests, documents, ...rest } = rollups
    return [
      this.#idOf(redis), this.#idOf(synced), this.#idOf(snapshot), this.#idOf(rollupsCopy), this.#idOf(catalogCopy),
      this.#idOf(rest), this.#idOf(catalog), this.#idOf(others),
      ...manifests.flat().map((manifest) => this.#idOf(manifest)), '',
      ...Object.values(documents).map((document) => this.#idOf(document)), '',
      ...workers.map((worker) => this.#idOf(worker)).sort((a, b) => a - b),
    ].join()
  }

  #idOf(part: object | null): number {
    if (part === null) return -1
    let id = this.#known.get(part)
    if (id === undefined) {
      const text = JSON.stringify(part)
      id = this.#ids.get(text) ?? this.#ids.size
      this.#ids.set(text, id)
      this.#known.set(part, id)
    }
    return id
  }
}

function walk(
  model: Model, first: State, id: number, parents: readonly number[], ordinals: readonly number[],
): string[] {
  const path: number[] = []
  for (let at = id; at > 0; at = parents[at]!) path.push(ordinals[at]!)
  let state = first
  return path.reverse().map((ordinal) => {
    const step = stepsOf(model, state)[ordinal]!
    state = step.state
    return step.label
  })
}
