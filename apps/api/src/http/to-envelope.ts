import type { Envelope } from '@tallyfleet/api-contract'
import type { Freshness } from '@tallyfleet/features'

/** Wraps the payload of an answer. Without `freshness` the answer is as of now and complete. */
export function toEnvelope<Data>(
  data: Data, now: Date, { freshness, nextCursor }: { freshness?: Freshness; nextCursor?: string | undefined } = {},
): Envelope<Data> {
  const computedAt = (freshness?.computedAt ?? now).toISOString()
  const dataThrough = freshness ? (freshness.dataThrough?.toISOString() ?? null) : computedAt
  return {
    data,
    page: nextCursor === undefined ? {} : { nextCursor },
    meta: { computedAt, dataThrough, partial: freshness?.partial ?? false },
  }
}
