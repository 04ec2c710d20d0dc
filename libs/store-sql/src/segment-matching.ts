import type { SegmentCondition, SegmentValue } from '@tallyfleet/domain'
import type { SegmentFilter, SegmentOf } from '@tallyfleet/ports'

type Bound = string | number
type Part = { sql: string; values: Bound[] }

/** A value as `segment_values` holds it: its kind, and what SQLite compares. */
export function columnsOfValue(value: SegmentValue): [kind: number, value: Bound] {
  if (typeof value === 'boolean') return [0, Number(value)]
  return typeof value === 'number' ? [1, value] : [2, value]
}

/** FROM and WHERE of the documents that a filter lets through, and the values to bind. */
export function matchingOf(of: SegmentOf, filter: SegmentFilter): Part {
  const where = join(filter.map(partOf), 'AND', '1')
  return {
    sql: `FROM segments WHERE tenant = ? AND domain = ? AND entity_type = ? AND ${where.sql}`,
    values: [of.tenant, of.domain, of.entityType, ...where.values],
  }
}

/** Every part is 0 or 1, never NULL, so that NOT means what it says. */
function partOf(condition: SegmentCondition): Part {
  if ('all' in condition) return join(condition.all.map(partOf), 'AND', '1')
  if ('any' in condition) return join(condition.any.map(partOf), 'OR', '0')
  if ('not' in condition) {
    const { sql, values } = partOf(condition.not)
    return { sql: `NOT ${sql}`, values }
  }
  if ('total' in condition) {
    const edges = edgesOf(`(body -> '$.totals' ->> ?)`, condition, [condition.total])
    return { sql: `coalesce(${edges.sql}, 0)`, values: edges.values }
  }
  const { dimension } = condition
  if ('exists' in condition) {
    return { sql: `${condition.exists ? '' : 'NOT '}${holds('1')}`, values: [dimension] }
  }
  if ('in' in condition) {
    return {
      sql: holds('(kind, value) IN (SELECT json_each.value ->> 0, json_each.value ->> 1 FROM json_each(?))'),
      values: [dimension, JSON.stringify(condition.in.map(columnsOfValue))],
    }
  }
  const [kind] = columnsOfValue((condition.gte ?? condition.lt)!)
  const edges = edgesOf('value', condition, [])
  return { sql: holds(`kind = ${kind} AND ${edges.sql}`), values: [dimension, ...edges.values] }
}

function holds(what: string): string {
  return `EXISTS (SELECT 1 FROM segment_values WHERE document = segments.id AND dimension = ? AND ${what})`
}

function edgesOf(
  operand: string, { gte, lt }: { gte?: Bound | undefined; lt?: Bound | undefined }, operands: Bound[],
): Part {
  return join([
    ...(gte === undefined ? [] : [{ sql: `${operand} >= ?`, values: [...operands, gte] }]),
    ...(lt === undefined ? [] : [{ sql: `${operand} < ?`, values: [...operands, lt] }]),
  ], 'AND', '1')
}

function join(parts: readonly Part[], word: 'AND' | 'OR', empty: '0' | '1'): Part {
  if (parts.length === 0) return { sql: empty, values: [] }
  return { sql: `(${parts.map(({ sql }) => sql).join(`\n  ${word} `)})`, values: parts.flatMap(({ values }) => values) }
}
