import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let library: string | undefined
let tried = false

/**
 * The library that notes what a server has synced, built by this machine's C compiler; undefined where there is none,
 * or where it knows no LD_PRELOAD.
 */
export function syncLibrary(): string | undefined {
  if (tried || process.platform !== 'linux') return library
  tried = true
  const folder = mkdtempSync(join(tmpdir(), 'fleet-syncs-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const built = join(folder, 'watch-syncs.so')
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', built, join(import.meta.dirname, 'watch-syncs.c'), '-ldl'], { stdio: 'ignore' })
    library = built
  } catch {
    // no compiler: the fault that needs it is not dealt
  }
  return library
}

/** What the server's environment needs for its syncs to be noted in `file`. */
export function watchingSyncs(file: string): Record<string, string> {
  const built = syncLibrary()
  return built === undefined ? {} : { LD_PRELOAD: built, CHAOS_SYNCS: file }
}

/** How many bytes of the file with this inode are on the disk for certain, by the notes. */
export function syncedBytes(notes: string, inode: number): number {
  const lines = readFileSync(notes, 'utf8').trimEnd().split('\n').map((line) => line.split(' ').map(Number) as [number, number])
  return Math.max(0, ...lines.filter(([of]) => of === inode).map(([, bytes]) => bytes))
}
