const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether arrays and objects in a JSON text are nested more than `depth` levels; a flat object is one level. Looks at
 * the text alone, so that a hostile one is refused before it is parsed. Of a text that is not JSON it says anything.
 */
export function isJsonDeeperThan(text: string, depth: number): boolean {
  let level = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
    } else if (code === 0x5b || code === 0x7b) {
      if (++level > depth) return true
    } else if (code === 0x5d || code === 0x7d) {
      level--
    }
  }
  return false
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote
  while (text.charCodeAt(at - 1) === BACKSLASH) at--
  return (quote - at) % 2 === 1
}
