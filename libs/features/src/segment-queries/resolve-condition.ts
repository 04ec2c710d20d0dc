import {
  AppError, MAX_SEGMENT_CONDITIONS, MAX_SEGMENT_DEPTH, type Fault, type Packs, type SegmentCondition, type SegmentValue,
} from '@tallyfleet/domain'
import type { Clock, SegmentOf, SegmentStore } from '@tallyfleet/ports'
import { AGE, birthColumnOf, getMapping, listSegmentDimensions, type SegmentDimension } from './segment-dimensions.ts'

/** Entities that a condition on what a column refers to may match. */
const MAX_REFERRED = 10_000
const PAGE = 1_000

type Needs = { segments: SegmentStore; packs: Packs; clock: Clock }
type OnDimension = Extract<SegmentCondition, { dimension: string }>
type Resolving = SegmentOf & { known: Map<string, SegmentDimension>; needs: Needs; faults: Fault[]; count: number }

/**
 * A condition as the store takes it: ages become ranges of birth dates, conditions on what a column refers to (such as
 * `actors.age`) become the ids that match. Rejects with `FIELD_INVALID`, each fault with a pointer below `pointer`, for
 * what the pack has not, for values of another type, and beyond the limits of depth and size.
 */
export async function resolveCondition(
  of: SegmentOf, condition: SegmentCondition, pointer: string, needs: Needs,
): Promise<SegmentCondition> {
  const known = new Map(listSegmentDimensions(of, needs.packs).map((one) => [one.dimension, one]))
  const resolving: Resolving = { ...of, known, needs, faults: [], count: 0 }
  const resolved = await resolve(condition, pointer, 1, resolving)
  if (resolving.count > MAX_SEGMENT_CONDITIONS) {
    note(resolving, pointer, `holds more than ${MAX_SEGMENT_CONDITIONS} conditions`)
  }
  const [first] = resolving.faults
  if (first) {
    throw new AppError('FIELD_INVALID', `the segment has faults: ${first.pointer} ${first.detail}`, {
      details: { errors: resolving.faults.slice(0, 100) },
    })
  }
  return resolved
}

async function resolve(
  condition: SegmentCondition, pointer: string, depth: number, resolving: Resolving,
): Promise<SegmentCondition> {
  resolving.count++
  if (depth > MAX_SEGMENT_DEPTH) {
    note(resolving, pointer, `is nested more than ${MAX_SEGMENT_DEPTH} levels`)
    return condition
  }
  if (resolving.count > MAX_SEGMENT_CONDITIONS) return condition
  const each = async (parts: readonly SegmentCondition[], name: string) => {
    const resolved: SegmentCondition[] = []
    for (const [at, part] of parts.entries()) resolved.push(await resolve(part, `${pointer}/${name}/${at}`, depth + 1, resolving))
    return resolved
  }
  if ('all' in condition) return { all: await each(condition.all, 'all') }
  if ('any' in condition) return { any: await each(condition.any, 'any') }
  if ('not' in condition) return { not: await resolve(condition.not, `${pointer}/not`, depth + 1, resolving) }
  if ('total' in condition) {
    const actions = Object.keys(getMapping(resolving, resolving.needs.packs).totals)
    if (!actions.includes(condition.total)) {
      note(resolving, `${pointer}/total`, `the catalog shows no ${JSON.stringify(condition.total)}; it shows ${actions.join(', ')}`)
    }
    return condition
  }
  return resolveDimension(condition, pointer, resolving)
}

async function resolveDimension(asked: OnDimension, pointer: string, resolving: Resolving): Promise<SegmentCondition> {
  const { known, needs } = resolving
  // A list may be named by one of its items: `genre` for `genres`.
  const dimension = known.get(asked.dimension) ?? known.get(`${asked.dimension}s`)
  if (!dimension) {
    note(resolving, `${pointer}/dimension`, `there is no dimension ${JSON.stringify(asked.dimension)}`)
    return asked
  }
  const faults = resolving.faults.length
  checkValues(asked, dimension, pointer, resolving)
  if (resolving.faults.length > faults) return asked
  const condition = { ...asked, dimension: dimension.dimension }
  const [column, ...rest] = condition.dimension.split('.') as [string, ...string[]]
  const references = getMapping(resolving, needs.packs).columns[column]?.references
  if (rest.length === 0 || references === undefined) return onAge(condition, resolving, needs)

  const target = { tenant: resolving.tenant, domain: resolving.domain, entityType: references }
  const ids = await listMatching(target, onAge({ ...condition, dimension: rest.join('.') }, target, needs), needs)
  if (ids.length > MAX_REFERRED) {
    note(resolving, pointer, `matches more than ${MAX_REFERRED} ${references} entries; make it narrower`)
  }
  return { dimension: column, in: ids }
}

/** Ages as dates of birth; every other condition as it is. */
function onAge(condition: OnDimension, of: SegmentOf, { packs, clock }: Needs): SegmentCondition {
  const mapping = getMapping(of, packs)
  const birth = birthColumnOf(mapping)
  if (condition.dimension !== AGE || birth === undefined || Object.hasOwn(mapping.columns, AGE)) return condition
  if ('exists' in condition) return { dimension: birth, exists: condition.exists }
  const now = clock.now()
  if ('in' in condition) {
    return { any: condition.in.map((age) => ({ dimension: birth, ...birthsOf(Number(age), Number(age) + 1, now) })) }
  }
  return { dimension: birth, ...birthsOf(condition.gte as number | undefined, condition.lt as number | undefined, now) }
}

/**
 * Dates of birth of those who are `from` years old or older, and younger than `to`, on the day of `now` in UTC. Who was
 * born on 29 February gets older on 1 March of other years.
 */
export function birthsOf(from: number | undefined, to: number | undefined, now: Date): { gte?: string; lt?: string } {
  return { ...(to !== undefined && { gte: dayAfter(to, now) }), ...(from !== undefined && { lt: dayAfter(from, now) }) }
}

/** The first date of birth of those who are not yet `age` years old. */
function dayAfter(age: number, now: Date): string {
  const year = now.getUTCFullYear() - Math.ceil(age)
  const lastOfMonth = new Date(Date.UTC(year, now.getUTCMonth() + 1, 0)).getUTCDate()
  return new Date(Date.UTC(year, now.getUTCMonth(), Math.min(now.getUTCDate(), lastOfMonth) + 1)).toISOString().slice(0, 10)
}

function checkValues(condition: OnDimension, { type, operators }: SegmentDimension, pointer: string, resolving: Resolving): void {
  const fits = (value: SegmentValue) => (type === 'number' ? typeof value === 'number'
    : type === 'boolean' ? typeof value === 'boolean' : typeof value === 'string')
  const wants = { text: 'texts', number: 'numbers', boolean: 'true or false', date: 'dates, as 2026-11-21' }[type]
  if ('in' in condition) {
    condition.in.forEach((value, at) => {
      if (!fits(value)) note(resolving, `${pointer}/in/${at}`, `${condition.dimension} holds ${wants}`)
    })
  } else if (!('exists' in condition)) {
    if (!operators.includes('range')) {
      note(resolving, pointer, `${condition.dimension} has no order: use \`in\` or \`exists\``)
      return
    }
    for (const edge of ['gte', 'lt'] as const) {
      const value = condition[edge]
      if (value === undefined) continue
      if (!fits(value) || (type === 'date' && !/^\d{4}(-\d\d(-\d\d(T[\d:.]+Z?)?)?)?$/.test(String(value)))) {
        note(resolving, `${pointer}/${edge}`, `${condition.dimension} holds ${wants}`)
      }
    }
  }
}

async function listMatching(of: SegmentOf, condition: SegmentCondition, { segments, packs }: Needs): Promise<string[]> {
  const [action = 'none'] = Object.keys(getMapping(of, packs).totals)
  const ids: string[] = []
  for (let after: { count: number; entityId: string } | undefined; ids.length <= MAX_REFERRED;) {
    const page = await segments.listTop(of, action, [condition], PAGE, after)
    ids.push(...page.map(({ entityId }) => entityId))
    if (page.length < PAGE) break
    after = { count: page.at(-1)!.totals[action] ?? 0, entityId: ids.at(-1)! }
  }
  return ids
}

function note({ faults }: Resolving, pointer: string, detail: string): void {
  faults.push({ pointer, code: 'FIELD_INVALID', detail })
}
