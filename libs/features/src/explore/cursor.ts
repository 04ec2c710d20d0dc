import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '@tallyfleet/domain'
import type { TopAfter } from '@tallyfleet/ports'

/**
 * Makes a cursor out of a place in a list. It is bound to the list by `query` and signed, so that a cursor of another
 * list, tenant or installation is refused instead of skipping entries.
 */
export function writeCursor(after: TopAfter, query: readonly unknown[], secret: string): string {
  const place = Buffer.from(JSON.stringify([after.count, after.entityId]))
  return Buffer.concat([tagOf(place, query, secret), place]).toString('base64url')
}

/** The place that a cursor stands for. Throws `CURSOR_INVALID` when this list did not hand it out. */
export function readCursor(cursor: string, query: readonly unknown[], secret: string): TopAfter {
  const bytes = Buffer.from(cursor, 'base64url')
  const place = bytes.subarray(TAG_BYTES)
  const isOurs = bytes.length > TAG_BYTES && bytes.toString('base64url') === cursor &&
    timingSafeEqual(bytes.subarray(0, TAG_BYTES), tagOf(place, query, secret))
  if (!isOurs) {
    const detail = 'is not a cursor that this list handed out'
    throw new AppError('CURSOR_INVALID', `the cursor ${detail}`, {
      details: { errors: [{ pointer: '/cursor', code: 'CURSOR_INVALID', detail }] },
    })
  }
  const [count, entityId] = JSON.parse(place.toString()) as [number, string]
  return { count, entityId }
}

const TAG_BYTES = 12

function tagOf(place: Buffer, query: readonly unknown[], secret: string): Buffer {
  return createHmac('sha256', secret).update('cursor\0').update(JSON.stringify(query)).update('\0').update(place).digest()
    .subarray(0, TAG_BYTES)
}
