/** JSON in one form for equal values: keys sorted, `undefined` dropped; a bare `undefined` is `null`. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => isRecord(part) ? sorted(part) : part) ?? 'null'
}

function isRecord(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part)
}

/** `fromEntries` defines its keys, so that `__proto__` stays an ordinary one. */
function sorted(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
