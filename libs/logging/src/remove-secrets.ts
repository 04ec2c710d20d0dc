import { stdSerializers } from 'pino'

const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization', 'cookie', 'set-cookie', 'x-api-key', 'password', 'token', 'secret', 'key', 'email', 'ip',
])
const REMOVED = '[removed]'
/** Deeper than any line that we write; below it nothing is written at all, so that nothing slips through. */
const MAX_DEPTH = 8
const CREDENTIALS = /:\/\/[^\s/@]*@/g

type Fields = Record<string, unknown>

/**
 * The fields without secrets and personal data, at any depth; errors lose the credentials in their URLs. Answers the
 * same object when there is nothing to remove, which a line of plain numbers and words pays with one look at each field.
 */
export function removeSecrets(fields: Fields): Fields {
  for (const name in fields) {
    const value = fields[name]
    if (SECRET_FIELDS.has(name) || (typeof value === 'object' && value !== null)) return copyOf(fields, 0)
  }
  return fields
}

function copyOf(fields: object, depth: number, inError = false): Fields {
  const copy: Fields = {}
  for (const [name, value] of Object.entries(fields)) {
    copy[name] = SECRET_FIELDS.has(name) && value !== undefined ? REMOVED : cleanOf(value, depth + 1, inError)
  }
  return copy
}

function cleanOf(value: unknown, depth: number, inError: boolean): unknown {
  if (typeof value === 'string') return inError ? value.replace(CREDENTIALS, '://') : value
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[deeper]'
  if (value instanceof Error) return copyOf(stdSerializers.errWithCause(value), depth, true)
  if (Array.isArray(value)) return value.map((item) => cleanOf(item, depth + 1, inError))
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value // a Date, a URL: no object in JSON
  return copyOf(value, depth, inError)
}
