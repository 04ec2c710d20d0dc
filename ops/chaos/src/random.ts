import { hash } from 'node:crypto'

/** Draws that a seed fixes: the same seed deals the same schedule on every machine. */
export class Random {
  readonly #seed: string
  #drawn = 0

  constructor(seed: string) {
    this.#seed = seed
  }

  /** In [0, 1): 32 bits of a hash over the seed and how often was drawn. */
  next(): number {
    return Number.parseInt(hash('sha256', `${this.#seed}|${this.#drawn++}`).slice(0, 8), 16) / 2 ** 32
  }

  /** A whole number in [from, to]. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)]!
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    return items.map((item) => ({ item, at: this.next() })).sort((a, b) => a.at - b.at).map(({ item }) => item)
  }
}
