/**
 * A text that sorts, by code points, after everything below an entity id and before the id itself: where to start a
 * scan whose first answer is the id. It ends in U+10FFFF, which is no character, so no id is in between.
 */
export function entityBefore(entityId: string): string | undefined {
  const last = [...entityId].at(-1)
  const code = last?.codePointAt(0)
  if (!last || !code) return undefined
  const below = code === 0xe000 ? 0xd7ff : code - 1 // surrogates are no characters of their own
  return `${entityId.slice(0, -last.length)}${String.fromCodePoint(below)}\u{10ffff}`
}
