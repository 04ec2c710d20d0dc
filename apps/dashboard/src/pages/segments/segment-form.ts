import type { SavedSegment, SegmentDimension } from '@tallyfleet/api-contract'

export type Definition = SavedSegment['definition']
/** One line of the builder. `field` is a dimension, or `total:<action>`. */
export type Line = { field: string; negated: boolean; operator: 'in' | 'range' | 'exists'; values: string; from: string; to: string }
export type SegmentForm = { match: 'all' | 'any'; lines: Line[] }

export const emptyLine = (field: string): Line => ({ field, negated: false, operator: field.startsWith('total:') ? 'range' : 'in', values: '', from: '', to: '' })

/** The definition that the lines make; undefined while one is incomplete. */
export function definitionOf({ match, lines }: SegmentForm, dimensions: readonly SegmentDimension[]): Definition | undefined {
  const conditions = lines.map((line) => conditionOf(line, dimensions.find(({ dimension }) => dimension === line.field)))
  if (conditions.length === 0 || conditions.includes(undefined)) return undefined
  const complete = conditions as Definition[]
  return match === 'all' ? { all: complete } : { any: complete }
}

function conditionOf({ field, negated, operator, values, from, to }: Line, dimension: SegmentDimension | undefined): Definition | undefined {
  const isTotal = field.startsWith('total:')
  const isNumber = isTotal || dimension?.type === 'number'
  const typed = (text: string): string | number | boolean | undefined => {
    const trimmed = text.trim()
    if (trimmed === '') return undefined
    if (dimension?.type === 'boolean') return trimmed === 'true'
    return isNumber ? (Number.isFinite(Number(trimmed)) ? Number(trimmed) : undefined) : trimmed
  }
  const subject = isTotal ? { total: field.slice('total:'.length) } : { dimension: field }
  const condition = (() => {
    if (operator === 'exists') return { ...subject, exists: true }
    if (operator === 'in') {
      const list = values.split(',').map(typed).filter((value) => value !== undefined)
      return list.length === 0 ? undefined : { ...subject, in: list }
    }
    const [gte, lt] = [typed(from), typed(to)]
    return gte === undefined && lt === undefined ? undefined : { ...subject, ...(gte !== undefined && { gte }), ...(lt !== undefined && { lt }) }
  })() as Definition | undefined
  return condition && negated ? { not: condition } : condition
}

/** The lines of a definition; undefined when it nests deeper than the builder shows. */
export function formOf(definition: Definition): SegmentForm | undefined {
  const match = 'any' in definition ? 'any' as const : 'all' as const
  const conditions = 'all' in definition ? definition.all : 'any' in definition ? definition.any : [definition]
  const lines = conditions.map(lineOf)
  return lines.includes(undefined) ? undefined : { match, lines: lines as Line[] }
}

function lineOf(condition: Definition): Line | undefined {
  if ('not' in condition) {
    const inner = lineOf(condition.not)
    return inner && !inner.negated ? { ...inner, negated: true } : undefined
  }
  if ('total' in condition) return { ...emptyLine(`total:${condition.total}`), from: String(condition.gte ?? ''), to: String(condition.lt ?? '') }
  if (!('dimension' in condition)) return undefined
  const line = emptyLine(condition.dimension)
  if ('in' in condition) return condition.in.some((value) => String(value).includes(',')) ? undefined : { ...line, values: condition.in.join(', ') }
  if ('exists' in condition) return { ...line, operator: 'exists', negated: !condition.exists }
  return { ...line, operator: 'range', from: String(condition.gte ?? ''), to: String(condition.lt ?? '') }
}
