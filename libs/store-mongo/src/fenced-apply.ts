import { setTimeout as delay } from 'node:timers/promises'
import { AppError, type DocumentDelta } from '@tallyfleet/domain'
import type { ApplyResult } from '@tallyfleet/ports'
import { type AnyBulkWriteOperation, type Collection, Long, MongoBulkWriteError } from 'mongodb'
import { isDuplicate, isRepeatableCode } from './mongo-errors.ts'
import { countPathOf, type RollupRecord } from './rollup-record.ts'

/** Documents in one bulk: large enough to be quick, small enough that its locks are held for milliseconds. */
const SLICE = 1_000
/**
 * How often a refused document is tried. Refused, and read as older than the batch, means that another worker writes it
 * at this moment and no majority has it yet. The waits between add up to 5 s.
 */
const MAX_TRIES = 12
const MAX_WAIT_MS = 800

/**
 * Adds a batch to its documents, each fenced by its own `seq`, so that it counts once however often and by however many
 * workers it is applied.
 * @param deltas of one batch, each id once, sorted by id: bulks that take locks in one order cannot deadlock
 * @throws STORE_UNAVAILABLE and driver errors; the batch may be applied in part then, and may be applied again
 */
export async function applyFenced(
  documents: Collection<RollupRecord>, n: number, deltas: readonly DocumentDelta[],
): Promise<ApplyResult> {
  const result = { applied: 0, skipped: 0 }
  for (let start = 0; start < deltas.length; start += SLICE) {
    let pending = deltas.slice(start, start + SLICE)
    for (let tries = 1; pending.length > 0; tries++) {
      if (tries > MAX_TRIES) {
        throw new AppError('STORE_UNAVAILABLE', `${pending.length} documents of batch ${n} stay contended`)
      }
      // The first refusal is mostly a batch that is applied already: look at once, and only then wait.
      if (tries > 1) await delay(Math.min(10 * 2 ** (tries - 2), MAX_WAIT_MS))
      const refused = await writeSlice(documents, n, pending)
      const past = await listPast(documents, n, refused)
      result.applied += pending.length - refused.length
      result.skipped += past.size
      pending = refused.filter(({ id }) => !past.has(id))
    }
  }
  return result
}

/** The deltas whose document exists with a `seq` that is not below `n`: their upsert meets the taken `_id`. */
async function writeSlice(
  documents: Collection<RollupRecord>, n: number, deltas: readonly DocumentDelta[],
): Promise<DocumentDelta[]> {
  try {
    await documents.bulkWrite(deltas.map((delta) => fencedUpdate(n, delta)), { ordered: false })
    return []
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error
    const faults = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]
    const other = faults.find(({ code }) => !isDuplicate({ code }))
    if (other) {
      const code = isRepeatableCode(other.code) ? 'STORE_UNAVAILABLE' : 'BUG'
      throw new AppError(code, `batch ${n} was refused in part: ${other.errmsg ?? other.code}`, { cause: error })
    }
    const unconfirmed = error.result.getWriteConcernError()
    // Without any write error it was the whole command that failed, mostly because the connection broke.
    if (unconfirmed || faults.length === 0) {
      const reason = unconfirmed?.errmsg ?? error.message
      throw new AppError('STORE_UNAVAILABLE', `batch ${n} is not confirmed: ${reason}`, { cause: error })
    }
    return faults.map(({ index }) => deltas[index]!)
  }
}

function fencedUpdate(n: number, delta: DocumentDelta): AnyBulkWriteOperation<RollupRecord> {
  const { id, of, tenant, domain, entityType, entityId, interval, bucket, shard, counts } = delta
  const $inc: Record<string, Long> = {}
  for (const [action, measures] of Object.entries(counts)) {
    for (const [measure, value] of Object.entries(measures)) $inc[countPathOf(action, measure)] = Long.fromNumber(value)
  }
  const seq = Long.fromNumber(n)
  return {
    updateOne: {
      filter: { _id: id, seq: { $lt: seq } },
      update: {
        ...(Object.keys($inc).length > 0 && { $inc }),
        $set: { seq },
        $setOnInsert: { of, tenant, domain, entity_type: entityType, entity_id: entityId, interval, bucket, shard },
      },
      upsert: true,
    },
  } as AnyBulkWriteOperation<RollupRecord>
}

/** The ids among `deltas` that hold batch `n` or a later one, on a majority: the connection reads no other way. */
async function listPast(
  documents: Collection<RollupRecord>, n: number, deltas: readonly DocumentDelta[],
): Promise<Set<string>> {
  if (deltas.length === 0) return new Set()
  const ids = deltas.map(({ id }) => id)
  const found = documents.find({ _id: { $in: ids }, seq: { $gte: Long.fromNumber(n) } }, { projection: { _id: 1 } })
  return new Set((await found.toArray()).map(({ _id }) => _id))
}
