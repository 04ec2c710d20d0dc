import { createHash } from 'node:crypto'
import { SEPARATOR, type SegmentValue } from '@tallyfleet/domain'
import type { SegmentDocument } from '@tallyfleet/ports'

/** Lucene refuses terms above 32,766 bytes and with them the document: longer texts are known by their hash. */
const MAX_TEXT_UNITS = 4_000

const SIGN_BIT = 1n << 63n
const ALL_BITS = (1n << 64n) - 1n

const TAGS = { boolean: 'b', number: 'n', text: 't', hash: 'x' } as const

/** What every term of a dimension starts with, and no term of another one. */
export function termPrefixOf(dimension: string): string {
  return dimension + SEPARATOR
}

/** The indexed form of one value of a dimension: its name, a tag for the type, the value. */
export function termOf(dimension: string, value: SegmentValue): string {
  return termPrefixOf(dimension) + taggedOf(value)
}

function taggedOf(value: SegmentValue): string {
  if (typeof value === 'boolean') return TAGS.boolean + value
  if (typeof value === 'number') return TAGS.number + sortableOf(value)
  if (value.length <= MAX_TEXT_UNITS) return TAGS.text + value
  return TAGS.hash + createHash('sha256').update(value).digest('base64url')
}

/**
 * The terms of a dimension from `gte` to below `lt`, which are both numbers or both texts; each may be absent. For a
 * keyword range: terms sort by their bytes.
 */
export function termRangeOf(
  dimension: string, { gte, lt }: { gte?: string | number | undefined; lt?: string | number | undefined },
): { gte: string; lt: string } {
  const tag = TAGS[typeof (gte ?? lt) === 'number' ? 'number' : 'text']
  const start = termPrefixOf(dimension)
  return {
    gte: gte === undefined ? start + tag : termOf(dimension, gte),
    lt: lt === undefined ? start + String.fromCharCode(tag.charCodeAt(0) + 1) : termOf(dimension, lt),
  }
}

/** 16 hex digits that sort as the numbers do: IEEE 754 does so for positive ones; a negative one has all bits turned. */
function sortableOf(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value + 0) // -0 becomes 0
  const bits = bytes.readBigUInt64BE()
  return (bits >> 63n ? ~bits & ALL_BITS : bits | SIGN_BIT).toString(16).padStart(16, '0')
}

/** The inverse of {@link sortableOf}. */
function numberOf(sortable: string): number {
  const bits = BigInt(`0x${sortable}`)
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(bits >> 63n ? bits ^ SIGN_BIT : ~bits & ALL_BITS)
  return bytes.readDoubleBE()
}

/** Every term of a document's dimensions, each once. Nulls have none. */
export function termsOf(dimensions: SegmentDocument['dimensions']): string[] {
  const terms = new Set<string>()
  for (const [dimension, values] of Object.entries(dimensions)) {
    if (values === null) continue
    for (const value of Array.isArray(values) ? values : [values]) terms.add(termOf(dimension, value))
  }
  return [...terms]
}

/** The value in a term of `dimension`; undefined when the term holds a hash alone. */
export function valueOfTerm(dimension: string, term: string): SegmentValue | undefined {
  const start = termPrefixOf(dimension).length
  const rest = term.slice(start + 1)
  switch (term[start]) {
    case TAGS.boolean: return rest === 'true'
    case TAGS.number: return numberOf(rest)
    case TAGS.text: return rest
    default: return undefined
  }
}

/** Booleans before numbers before texts; false first, numbers by size, texts by UTF-8 bytes. */
export function compareValues(a: SegmentValue, b: SegmentValue): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  if (typeof a === typeof b) return Number(a) - Number(b)
  return rankOf(a) - rankOf(b)
}

function rankOf(value: SegmentValue): number {
  return typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2
}
