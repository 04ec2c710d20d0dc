/** The journal's kind of what stands once for an installation. */
export const INSTALLATION = 'installation'
/** Its record in a store that was left: `{ to, at }`. Nothing may count into that store any more. */
export const MOVED = 'moved'
/** Its record in a store that is being filled: `{ from, at }`. */
export const MOVING = 'moving'

export type MovedRecord = { to: string; at: string }
export type MovingRecord = { from: string; at: string }

/** Why a rollup store must not be used, in a sentence; undefined when it may. */
export function describeMove(moved: MovedRecord | undefined, moving: MovingRecord | undefined): string | undefined {
  if (moving) return `these rollups are being copied from ${moving.from}: run that fleet migrate stores to its end`
  return moved && `these rollups moved to ${moved.to} at ${moved.at}: set ROLLUPS_URL to it, or move them back`
}
