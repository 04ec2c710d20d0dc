import type { CatalogRow, Clock, RecordStore, SegmentOf, Tenant, TopAfter } from '@tallyfleet/ports'
import { readCursor, writeCursor } from '../explore/cursor.ts'
import { readAction } from '../segment-queries/measure-segment.ts'
import { dimensionsOfRow, MISSING_DIMENSION, TWIN_DIMENSION } from '../segments/row-dimensions.ts'
import { listOrphanLinks, pageOrphans, type OrphanNeeds } from './find-orphans.ts'
import { getQualitySubject, type QualitySubject } from './quality-subject.ts'
import { MAX_TWINS } from './score-catalog.ts'
import { checkKind, decisionKeyOf, issueIdOf, listDecisions, type IssueRef, type WontFix } from './wont-fix.ts'

export type IssuesQuery = {
  domain: string
  entityType?: string | undefined
  /** `missing-<field>`, `orphan-count`, `orphan-link`, `duplicate`. */
  kind: string
  state: 'open' | 'wont-fix' | 'all'
  action?: string | undefined
  limit: number
  cursor?: string | undefined
}

export type Issue = IssueRef & {
  id: string
  title: string | null
  count: number
  wontFix: WontFix | undefined
  detail: { column?: string; rows?: number; twins?: string[] }
}

type Needs = OrphanNeeds & { records: RecordStore; clock: Clock; secret: string }
type Found = Pick<Issue, 'entityId' | 'title' | 'count' | 'detail'> & { column?: string; place: TopAfter }
/** Candidates after a place, in the order of the list; `last` is the place where the next page starts. */
type Source = (limit: number, after: TopAfter | undefined) => Promise<{ found: Found[]; last: TopAfter | undefined }>

const PAGE = 1_000
/** One request looks at this many pages: a list of few among many may hand out a cursor before it is full. */
const MAX_PAGES = 20
const TWINS_NAMED = 20

/**
 * What is wrong with a catalog, most viewed first: rows that lack a field, counts without a row, references to nothing,
 * rows that are there twice. Decisions not to fix one are looked at as they stand now.
 * Rejects with `PARAMETER_INVALID`, `ACTION_UNKNOWN`, `CURSOR_INVALID` or a code of the subject.
 */
export async function listIssues(
  tenant: Tenant, query: IssuesQuery, needs: Needs,
): Promise<{ entityType: string; issues: Issue[]; nextCursor: string | undefined }> {
  const subject = getQualitySubject(query.domain, query.entityType, needs.packs)
  const field = checkKind(query.domain, subject.entityType, query.kind, needs.packs)
  const of = { tenant: tenant.id, domain: query.domain, entityType: subject.entityType }
  const action = readAction(of, query.action, needs.packs)
  const { kind, state, limit } = query
  const list = ['issues', of.tenant, of.domain, of.entityType, kind, state, action]
  let after = query.cursor === undefined ? undefined : readCursor(query.cursor, list, needs.secret)
  const decisions = await listDecisions(of, kind, needs.records)
  const source = state === 'wont-fix' ? decided([...decisions], of, action, needs) : sourceOf(kind, field, of, subject, action, needs)

  const issues: Issue[] = []
  for (let pages = 0; pages < MAX_PAGES && issues.length < limit; pages++) {
    const { found, last } = await source(kind === 'orphan-count' && state !== 'wont-fix' ? PAGE : limit, after)
    for (const { place, column, ...one } of found) {
      if (issues.length === limit) break
      after = place
      const ref = { domain: of.domain, entityType: of.entityType, kind, entityId: one.entityId, column }
      const wontFix = decisions.get(decisionKeyOf(ref))
      if (state === 'open' && wontFix) continue
      const decision = wontFix && { reason: wontFix.reason, by: wontFix.by, at: wontFix.at }
      issues.push({ id: issueIdOf(ref), ...ref, ...one, wontFix: decision })
    }
    const isCut = issues.length === limit && found.at(-1)?.place !== after
    if (!isCut) after = last
    if (!after) break
  }
  return {
    entityType: of.entityType, issues, nextCursor: after && writeCursor(after, list, needs.secret),
  }
}

function sourceOf(
  kind: string, field: string | undefined, of: SegmentOf, subject: QualitySubject, action: string, needs: Needs,
): Source {
  switch (kind) {
    case 'orphan-count': return async (limit, after) => {
      const { orphans, last } = await pageOrphans(of, action, limit, after, needs)
      return { last, found: orphans.map((place) => ({ entityId: place.entityId, title: null, count: place.count, detail: {}, place })) }
    }
    case 'orphan-link': return links(of, subject, action, needs)
    case 'duplicate': return twins(of, subject, action, needs)
    default: return async (limit, after) => {
      const page = await needs.segments.listTop(of, action, [{ dimension: MISSING_DIMENSION, in: [field!] }], limit, after)
      const found = page.map(({ entityId, title, totals }) => {
        const count = totals[action] ?? 0
        return { entityId, title, count, detail: { column: subject.rules.fields[field!]! }, place: { count, entityId } }
      })
      return { found, last: page.length === limit ? found.at(-1)?.place : undefined }
    }
  }
}

/** All of them each time: the ids that are referred to are few beside the rows. */
function links(of: SegmentOf, { mapping }: QualitySubject, action: string, needs: Needs): Source {
  return async (limit, after) => {
    const found = (await listOrphanLinks(of, mapping, needs)).map(({ column, id, rows, totals }): Found => {
      const count = totals[action] ?? 0
      return { entityId: id, column, title: null, count, detail: { column, rows }, place: { count, entityId: `${column} ${id}` } }
    })
    return pageOf(found, limit, after)
  }
}

/** Rows of the first 1,000 groups, each with the ids of the others. */
function twins(of: SegmentOf, { mapping }: QualitySubject, action: string, needs: Needs): Source {
  return async (limit, after) => {
    const groups = (await needs.segments.listRepeated(of, TWIN_DIMENSION, [], MAX_TWINS)).map(({ value }) => value)
    const page = await needs.segments.listTop(of, action, [{ dimension: TWIN_DIMENSION, in: groups }], limit, after)
    const rows = new Map((await needs.catalog.listRows(of, page.map(({ entityId }) => entityId))).map((row) => [row.id, row]))
    const groupOf = (row: CatalogRow | undefined) => (row ? dimensionsOfRow(row, mapping)[TWIN_DIMENSION] as string | null : null)
    const ids = new Map<string, string[]>()
    for (const group of new Set([...rows.values()].map(groupOf))) {
      if (group === null) continue
      const all = await needs.segments.listTop(of, action, [{ dimension: TWIN_DIMENSION, in: [group] }], TWINS_NAMED + 1)
      ids.set(group, all.map(({ entityId }) => entityId))
    }
    const found = page.map(({ entityId, title, totals }) => {
      const count = totals[action] ?? 0
      const others = (ids.get(groupOf(rows.get(entityId)) ?? '') ?? []).filter((id) => id !== entityId)
      return { entityId, title, count, detail: { twins: others.slice(0, TWINS_NAMED) }, place: { count, entityId } }
    })
    return { found, last: page.length === limit ? found.at(-1)?.place : undefined }
  }
}

function decided(decisions: [key: string, WontFix & IssueRef][], of: SegmentOf, action: string, { catalog }: Needs): Source {
  return async (limit, after) => {
    const found: Found[] = []
    for (let from = 0; from < decisions.length; from += PAGE) {
      const part = decisions.slice(from, from + PAGE).map(([, decision]) => decision)
      const rows = new Map((await catalog.listRows(of, part.map(({ entityId }) => entityId))).map((row) => [row.id, row]))
      found.push(...part.map(({ entityId, column }) => {
        const row = rows.get(entityId)
        const count = row?.totals[action] ?? 0
        const place = { count, entityId: column === undefined ? entityId : `${column} ${entityId}` }
        return { entityId, title: row?.title ?? null, count, detail: column === undefined ? {} : { column }, place, ...(column !== undefined && { column }) }
      }))
    }
    return pageOf(found, limit, after)
  }
}

function pageOf(found: Found[], limit: number, after: TopAfter | undefined): { found: Found[]; last: TopAfter | undefined } {
  const isAfter = ({ place }: Found) => !after || compare(place, after) > 0
  const page = found.filter(isAfter).sort((a, b) => compare(a.place, b.place))
  return { found: page.slice(0, limit), last: page.length > limit ? page[limit - 1]!.place : undefined }
}

/** Highest count first, then by id in byte order. */
function compare(a: TopAfter, b: TopAfter): number {
  return b.count - a.count || Buffer.compare(Buffer.from(a.entityId), Buffer.from(b.entityId))
}
