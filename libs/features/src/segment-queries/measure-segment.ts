import { AppError, type Packs, type SegmentCondition, type SegmentValue } from '@tallyfleet/domain'
import type { Clock, SegmentEntry, SegmentOf, SegmentStore } from '@tallyfleet/ports'
import { resolveCondition } from './resolve-condition.ts'
import { getMapping, listSegmentDimensions } from './segment-dimensions.ts'

export type SegmentNeeds = { segments: SegmentStore; packs: Packs; clock: Clock }

export type SegmentQuestion = {
  definition: SegmentCondition
  /** Another segment to compare with. */
  overlap?: SegmentCondition | undefined
  /** Dimensions to break it down by. */
  facets: readonly string[]
  facetLimit: number
  /** Orders `top`; absent: the first action of the catalog. */
  action?: string | undefined
  /** How many entities to name. */
  top: number
}

export type SegmentMeasure = {
  entities: number
  /** Of all entities of the type, 0 to 1; 0 when there are none. */
  share: number
  totals: Record<string, number>
  top: (SegmentEntry & { count: number })[]
  facets: Record<string, { value: SegmentValue; entities: number; totals: Record<string, number> }[]>
  overlap?: { entities: number; both: number; either: number; jaccard: number }
}

/**
 * How large a segment is, what it adds up to, who leads it, what it consists of, and what it shares with another one.
 * Totals are those that the catalog shows. Rejects with `FIELD_INVALID` and a pointer for what the pack has not.
 */
export async function measureSegment(
  of: SegmentOf, question: SegmentQuestion, needs: SegmentNeeds,
): Promise<SegmentMeasure> {
  const { segments } = needs
  const action = readAction(of, question.action, needs.packs)
  const facets = question.facets.map((name, at) => readFacet(of, name, at, needs.packs))
  const definition = await resolveCondition(of, question.definition, '/definition', needs)
  const other = question.overlap && await resolveCondition(of, question.overlap, '/overlap', needs)
  const [all, { documents, totals }, top, buckets, others, both] = await Promise.all([
    segments.count(of, []),
    segments.sumTotals(of, [definition]),
    question.top > 0 ? segments.listTop(of, action, [definition], question.top) : [],
    Promise.all(facets.map((facet) => segments.listBuckets(of, facet, [definition], question.facetLimit))),
    other && segments.count(of, [other]),
    other && segments.count(of, [definition, other]),
  ])
  return {
    entities: documents,
    share: all === 0 ? 0 : documents / all,
    totals,
    top: top.map((entry) => ({ ...entry, count: entry.totals[action] ?? 0 })),
    facets: Object.fromEntries(facets.map((facet, at) => [facet, buckets[at]!.map((bucket) =>
      ({ value: bucket.value, entities: bucket.documents, totals: bucket.totals }))])),
    ...(others !== undefined && both !== undefined && { overlap: overlapOf(documents, others, both) }),
  }
}

function overlapOf(entities: number, others: number, both: number): NonNullable<SegmentMeasure['overlap']> {
  const either = entities + others - both
  return { entities: others, both, either, jaccard: either === 0 ? 0 : both / either }
}

/** An action whose totals the catalog shows; the first one when none is named. Throws `ACTION_UNKNOWN`. */
export function readAction(of: { domain: string; entityType: string }, action: string | undefined, packs: Packs): string {
  const actions = Object.keys(getMapping(of, packs).totals)
  if (action === undefined) return actions[0] ?? ''
  if (actions.includes(action)) return action
  const detail = `the catalog of ${of.entityType} shows no ${JSON.stringify(action)}; it shows ${actions.join(', ')}`
  throw new AppError('ACTION_UNKNOWN', detail, { details: { errors: [{ pointer: '/action', code: 'ACTION_UNKNOWN', detail }] } })
}

function readFacet(of: SegmentOf, name: string, at: number, packs: Packs): string {
  const dimensions = listSegmentDimensions(of, packs).filter(({ facet }) => facet)
  const found = dimensions.find(({ dimension }) => dimension === name) ?? dimensions.find(({ dimension }) => dimension === `${name}s`)
  if (found) return found.dimension
  const detail = `is none of ${dimensions.map(({ dimension }) => dimension).join(', ')}`
  throw new AppError('FIELD_INVALID', `facets: ${JSON.stringify(name)} ${detail}`, {
    details: { errors: [{ pointer: `/facets/${at}`, code: 'FIELD_INVALID', detail }] },
  })
}
