import { createHash } from 'node:crypto'

/** A stream of numbers in [0, 1) that is the same for the same seed, everywhere. */
export type Random = () => number

/** Mulberry32 (Tommy Ettinger, public domain), seeded by a hash of the words. */
export function randomOf(...seed: readonly (string | number)[]): Random {
  let state = createHash('sha256').update(seed.join('\u001f')).digest().readUInt32LE()
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Draws indexes in proportion to their weights. */
export function drawerOf(weights: readonly number[]): (random: Random) => number {
  let sum = 0
  const upTo = Float64Array.from(weights, (weight) => (sum += weight))
  return (random) => {
    const wanted = random() * sum
    let [low, high] = [0, upTo.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (upTo[middle]! > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}
