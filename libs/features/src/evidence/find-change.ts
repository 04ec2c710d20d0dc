/** How bytes differ from what they should be; `byte` is the first place that does, counted from 0. */
export type Change = { what: 'changed' | 'truncated' | 'appended'; byte: number; detail: string }

/** The first difference, or undefined when there is none. */
export function findChange(expected: Uint8Array, actual: Uint8Array): Change | undefined {
  const shared = Math.min(expected.length, actual.length)
  let byte = 0
  while (byte < shared && expected[byte] === actual[byte]) byte++
  if (byte < shared) {
    const sizes = expected.length === actual.length ? '' : `; ${actual.length} bytes instead of ${expected.length}`
    const detail = `byte ${byte} is ${show(actual[byte]!)}, signed was ${show(expected[byte]!)}${sizes}`
    return { what: 'changed', byte, detail }
  }
  if (actual.length < expected.length) {
    return { what: 'truncated', byte, detail: `ends at byte ${byte}, ${expected.length - byte} bytes too early` }
  }
  if (actual.length > expected.length) {
    return { what: 'appended', byte, detail: `goes on at byte ${byte}, where it should end` }
  }
  return undefined
}

function show(byte: number): string {
  const hex = `0x${byte.toString(16).padStart(2, '0')}`
  return byte > 0x20 && byte < 0x7f ? `${hex} (${String.fromCharCode(byte)})` : hex
}
