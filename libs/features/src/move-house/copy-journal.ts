import { INSTALLATION, MOVED, MOVING } from '@tallyfleet/domain'
import type { Journal, JournalRecord } from '@tallyfleet/ports'
import { canonicalJson } from '../evidence/canonical-json.ts'

const PAGE = 500

/**
 * Makes one journal hold what the other does, apart from the notes about moving. Answers how many records were written
 * or deleted: 0 when they were equal.
 */
export async function copyJournal(from: Journal, to: Journal): Promise<number> {
  let changed = 0
  for (const kind of new Set([...await from.listKinds(), ...await to.listKinds()])) {
    const old = new Map<string, string>()
    for await (const { id, body } of recordsOf(to, kind)) old.set(id, canonicalJson(body))
    for await (const { id, body } of recordsOf(from, kind)) {
      const text = canonicalJson(body)
      if (isNote(kind, id)) continue
      if (old.get(id) !== text) {
        await to.put(kind, id, body)
        changed++
      }
      old.delete(id)
    }
    for (const id of old.keys()) {
      if (isNote(kind, id) && id === MOVING) continue
      await to.deleteBefore(kind, `${id}\u0000`, id)
      changed++
    }
  }
  return changed
}

function isNote(kind: string, id: string): boolean {
  return kind === INSTALLATION && (id === MOVED || id === MOVING)
}

async function* recordsOf(journal: Journal, kind: string): AsyncGenerator<JournalRecord> {
  for (let from = ''; ;) {
    const page = await journal.list(kind, { from, limit: PAGE })
    yield* page
    if (page.length < PAGE) return
    from = `${page.at(-1)!.id}\u0000`
  }
}
