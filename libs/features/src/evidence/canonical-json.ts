/**
 * The one JSON text of a value (RFC 8785): keys sorted by UTF-16 units, no white space, numbers as ECMAScript writes
 * them. Members that are undefined are absent; dates become ISO texts.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part)
}
