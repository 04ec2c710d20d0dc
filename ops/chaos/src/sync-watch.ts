import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

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

/** Notes that a file is on the disk up to here, as whatever is read after a power loss is. */
export function noteSynced(notes: string, file: string, bytes: number): void {
  appendFileSync(notes, `${bytes} ${file}\n`)
}

/** How many bytes of a file are on the disk for certain, by the notes. */
export function syncedBytes(notes: string, file: string): number {
  const lines = readFileSync(notes, 'utf8').trimEnd().split('\n').filter((line) => basename(line) === basename(file))
  return Math.max(0, ...lines.map((line) => Number.parseInt(line)))
}
