import type { Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { addDays, daysBetween } from '@tallyfleet/domain'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { readTitles } from '../explore/read-titles.ts'
import { checkSubject } from '../explore/subject.ts'
import { actionsOfType } from './actions-of-type.ts'
import { mappingOf } from './catalog-view.ts'
import { readUsualRange } from './get-overview.ts'
import { pageByScore } from './page-by-score.ts'
import { ranksOf, readSums } from './read-sums.ts'
import { suggestFixes, suggestPromotions, type Suggested } from './suggestion-rules.ts'

export type SuggestionsQuery = {
  domain: string
  entityType: string
  from?: string | undefined
  to?: string | undefined
  kind?: 'fix' | 'promote' | undefined
  rule?: string | undefined
  limit: number
  cursor?: string | undefined
}

type Needs = {
  rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock; secret: string
}

/** How many of the most counted entities are looked at for what their catalog row lacks. */
const POPULAR = 200

/**
 * What to fix and what to promote, by how many events it is about. The numbers are those of the range (28 days unless
 * asked otherwise) and of as many days before it.
 */
export async function listSuggestions(tenant: Tenant, query: SuggestionsQuery, needs: Needs): Promise<{
  suggestions: (Suggested & { title: string | null })[]; nextCursor: string | undefined; freshness: Freshness
}> {
  const { domain, entityType } = query
  checkSubject({ domain, entityType }, needs.packs)
  const now = needs.clock.now()
  const range = readUsualRange(query, tenant.zone, now)
  const before = { from: addDays(range.from, -daysBetween(range.from, range.to)), to: range.from }
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const [main, second] = actionsOfType(needs.packs.get(domain)!, entityType) as [string, string | undefined]
  const counts = await readSums(of, main, range, needs)

  const suggested: Suggested[] = []
  const mapping = mappingOf(of, needs.packs)
  if (query.kind !== 'promote' && mapping) {
    const popular = [...ranksOf(counts)].slice(0, POPULAR)
    const rows = await needs.catalog.listRows(of, popular.map(([id]) => id))
    suggested.push(...suggestFixes(popular, counts, rows, mapping, main))
  }
  if (query.kind !== 'fix') {
    const previous = await readSums(of, main, before, needs)
    const seconds = second === undefined ? undefined : await readSums(of, second, range, needs)
    suggested.push(...suggestPromotions(counts, previous, seconds && { action: second!, counts: seconds }, main))
  }
  const wanted = suggested.filter(({ rule }) => query.rule === undefined || rule.id === query.rule)
  const list = ['suggestions', tenant.id, domain, entityType, range, query.kind, query.rule]
  const { page, nextCursor } = pageByScore(wanted, ({ score, id }) => ({ score, id }), query, list, needs.secret)
  const titles = await readTitles(of, [...new Set(page.map(({ entityId }) => entityId))], needs)
  return {
    suggestions: page.map((one) => ({ ...one, title: titles.get(one.entityId) ?? null })), nextCursor, freshness,
  }
}
