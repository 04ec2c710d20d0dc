/** A field in the text that INFO answers; undefined when the server does not tell it. */
export function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
}
