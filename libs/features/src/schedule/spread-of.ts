import { createHash } from 'node:crypto'

/**
 * How long after its nominal time a schedule's ticks start, in ms below `spreadMs`: the first 48 bits of the SHA-256 of
 * its name, modulo the window. The same in every process and release.
 */
export function spreadOf(schedule: string, spreadMs = 0): number {
  if (spreadMs === 0) return 0
  return createHash('sha256').update(schedule).digest().readUIntBE(0, 6) % spreadMs
}
