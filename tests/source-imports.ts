export interface Import {
  specifier: string
  /** What stands between `import` and `from`; empty for a dynamic or a bare import. */
  clause: string
}

/** Every module a TypeScript source names in an import, an export from, or an import() of a literal; types count. */
export function readImports(source: string): Import[] {
  const { code, strings } = stripComments(source)
  const found: Import[] = []
  const add = (clause: string | undefined, index: string | undefined) => {
    const specifier = strings[Number(index)]
    if (specifier !== undefined) found.push({ specifier, clause: clause ?? '' })
  }
  for (const [, clause, index] of code.matchAll(/\b(?:import|export)\b([\w\s{},*$]*?)\bfrom\s*"(\d+)"/g)) add(clause, index)
  for (const [, index] of code.matchAll(/\bimport\s*"(\d+)"/g)) add('', index)
  for (const [, index] of code.matchAll(/\bimport\s*\(\s*"(\d+)"/g)) add('', index)
  return found
}

const beforeRegex = /(^|[=([{,;:!&|?+\-*%~^<>]|\b(return|typeof|case|in|of|do|else|void|throw|new|delete|await|yield))\s*$/

/**
 * A source without its comments and with each string replaced by its number in `strings`, so that text that merely
 * looks like code is gone. What templates and regular expressions say is left out.
 */
export function stripComments(source: string): { code: string, strings: string[] } {
  const strings: string[] = []
  let code = ''
  let at = 0
  /** Braces open in each template literal that we are inside of. */
  const templates: number[] = []

  const takeString = (quote: string): void => {
    const start = ++at
    while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1
    const text = source.slice(start, at)
    at += 1
    code += `"${strings.length}"`
    strings.push(text)
  }
  /** To the end of a template or to its next `${`. */
  const takeTemplate = (): void => {
    while (at < source.length && source[at] !== '`' && !source.startsWith('${', at)) at += source[at] === '\\' ? 2 : 1
    if (source[at] === '`') code += source[at++]
    else {
      code += '${'
      at += 2
      templates.push(0)
    }
  }
  const takeRegex = (): void => {
    at += 1
    for (let inClass = false; at < source.length && (inClass || source[at] !== '/') && source[at] !== '\n'; at += 1) {
      if (source[at] === '\\') at += 1
      else if (source[at] === '[') inClass = true
      else if (source[at] === ']') inClass = false
    }
    at += 1
    code += '/r/'
  }

  while (at < source.length) {
    const char = source[at] ?? ''
    if (source.startsWith('//', at)) {
      while (at < source.length && source[at] !== '\n') at += 1
    } else if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2)
      at = end < 0 ? source.length : end + 2
      code += ' '
    } else if (char === '\'' || char === '"') takeString(char)
    else if (char === '`') {
      code += char
      at += 1
      takeTemplate()
    } else if (char === '/' && beforeRegex.test(code.slice(-40))) takeRegex()
    else if (char === '}' && templates.at(-1) === 0) {
      templates.pop()
      code += char
      at += 1
      takeTemplate()
    } else {
      if (templates.length > 0 && (char === '{' || char === '}')) {
        templates[templates.length - 1] = (templates.at(-1) ?? 0) + (char === '{' ? 1 : -1)
      }
      code += char
      at += 1
    }
  }
  return { code, strings }
}
