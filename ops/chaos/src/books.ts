import { SEPARATOR } from '@tallyfleet/domain'

export type ChaosEvent = {
  domain: 'jav'; entity_type: 'movie'; entity_id: string; action: 'view' | 'download'; occurred_at: string; event_id?: string
}

/** A number that every store must show: entity, action, day. */
export type Cell = string

export function cellOf({ entity_id, action, occurred_at }: ChaosEvent): Cell {
  return [entity_id, action, occurred_at.slice(0, 10)].join(SEPARATOR)
}

/** What the clients were told: the truth that the stores are held against. */
export class Books {
  /** Distinct acknowledged events by cell. */
  readonly expected = new Map<Cell, number>()
  /** Given up: acknowledged shortly before something that the durability mode does not promise to survive. */
  readonly atRisk = new Map<Cell, number>()
  readonly #recent: { at: number; cells: Cell[] }[] = []
  #acknowledged = 0
  #requests = 0
  /** Counted by parts before they are acknowledged as a whole: an import. */
  #opened: readonly ChaosEvent[] = []

  /** Distinct events with a 202. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Acknowledged requests and imports. */
  get requests(): number {
    return this.#requests
  }

  /** From now on parts of these may be counted for good, before {@link acknowledge} is called for all. */
  open(events: readonly ChaosEvent[]): void {
    this.#opened = events
  }

  /** @param events that were not acknowledged before */
  acknowledge(events: readonly ChaosEvent[]): void {
    const cells = events.map(cellOf)
    if (events === this.#opened) this.#opened = []
    for (const cell of cells) bump(this.expected, cell)
    this.#acknowledged += cells.length
    this.#requests++
    this.#recent.push({ at: performance.now(), cells })
    if (this.#recent.length > 5_000) this.#recent.shift()
  }

  /** Something happened that the durability mode does not promise to survive: what was acknowledged since then may be gone. */
  giveUp(since: number): void {
    for (const { at, cells } of this.#recent) if (at >= since) for (const cell of cells) bump(this.atRisk, cell)
    for (const event of this.#opened) bump(this.atRisk, cellOf(event))
  }
}

function bump(counts: Map<Cell, number>, cell: Cell): void {
  counts.set(cell, (counts.get(cell) ?? 0) + 1)
}
