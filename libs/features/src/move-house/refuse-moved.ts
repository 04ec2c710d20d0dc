import { AppError, describeMove, INSTALLATION, MOVED, MOVING, type MovedRecord, type MovingRecord } from '@tallyfleet/domain'
import type { Journal } from '@tallyfleet/ports'

/**
 * Rejects with `STORE_REFUSED` when the rollups beside this journal have moved away or are only half here. A worker that
 * was started before the move must ask after it froze and before it writes: its batch then waits for the new store.
 */
export async function refuseMoved(journal: Journal): Promise<void> {
  const { moved, moving } = await findMove(journal)
  const why = describeMove(moved, moving)
  if (why) throw new AppError('STORE_REFUSED', why)
}

export async function findMove(journal: Journal): Promise<{ moved: MovedRecord | undefined; moving: MovingRecord | undefined }> {
  const moved = await journal.find(INSTALLATION, MOVED) as MovedRecord | undefined
  const moving = await journal.find(INSTALLATION, MOVING) as MovingRecord | undefined
  return { moved, moving }
}
