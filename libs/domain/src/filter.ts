import { AppError } from './errors.ts'

export const FILTER_OPERATORS = ['is', 'not', 'contains'] as const
export type FilterOperator = (typeof FILTER_OPERATORS)[number]

/** One condition of a read: `genres:is:Drama,Comedy`. The values are alternatives; several filters must all hold. */
export type Filter = { field: string; op: FilterOperator; values: string[] }

export const MAX_FILTERS = 10
export const MAX_FILTER_VALUES = 50
const MAX_FILTER_LENGTH = 2_000

/**
 * Reads `field:op:value[,value]`. `is`: the field holds one of the values; `not`: none of them; `contains`: a value of
 * the field has one of them as a part, in any case. The empty value (`images:is:`) stands for "holds nothing". A
 * backslash takes the next character as it is: `actors:is:Smith\, Jr.`. Throws `PARAMETER_INVALID`.
 */
export function parseFilter(text: string): Filter {
  const match = /^([a-z][a-z0-9_]{0,62}):([a-z]+):(.*)$/s.exec(text)
  if (!match || text.length > MAX_FILTER_LENGTH) throw filterError('is not field:op:value[,value]')
  const [, field, op, rest] = match as unknown as [string, string, string, string]
  if (!FILTER_OPERATORS.includes(op as FilterOperator)) {
    throw filterError(`has no operator ${JSON.stringify(op)}; there are ${FILTER_OPERATORS.join(', ')}`)
  }
  const values: string[] = []
  let value = ''
  for (let at = 0; at < rest.length; at++) {
    const character = rest[at]!
    if (character === ',') {
      values.push(value)
      value = ''
    } else if (character !== '\\') value += character
    else if (++at < rest.length) value += rest[at]!
    else throw filterError('ends with a lone backslash')
  }
  values.push(value)
  if (values.length > MAX_FILTER_VALUES) throw filterError(`has more than ${MAX_FILTER_VALUES} values`)
  if (op === 'contains' && values.includes('')) throw filterError('contains needs a text')
  return { field, op: op as FilterOperator, values: [...new Set(values)] }
}

/** The inverse of {@link parseFilter}. */
export function writeFilter({ field, op, values }: Filter): string {
  return `${field}:${op}:${values.map((value) => value.replace(/[\\,]/g, '\\$&')).join(',')}`
}

/** Whether the values that something holds in a filter's field let it through. */
export function matchesFilter({ op, values }: Filter, held: readonly string[]): boolean {
  if (op === 'contains') {
    const wanted = values.map((value) => value.toLowerCase())
    return held.some((value) => wanted.some((part) => value.toLowerCase().includes(part)))
  }
  const holds = values.some((value) => (value === '' ? held.length === 0 : held.includes(value)))
  return op === 'is' ? holds : !holds
}

/** A fault of the parameter `f`. */
export function filterError(detail: string): AppError {
  return new AppError('PARAMETER_INVALID', `f ${detail}`, {
    details: { errors: [{ pointer: '/f', code: 'PARAMETER_INVALID', detail }] },
  })
}
