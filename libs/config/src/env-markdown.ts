import { z } from 'zod'

/** The settings of one lib or app, with the heading they get in docs/env.md. */
export type EnvSlice = { title: string; schema: z.ZodObject }

type Described = { description?: string; enum?: unknown[] }

/**
 * The page docs/env.md: a table for each slice, from the descriptions and defaults of its schema. A setting that
 * several slices share stands in the first alone.
 */
export function envMarkdown(slices: readonly EnvSlice[]): string {
  const seen = new Set<string>()
  const parts = slices.map(({ title, schema }) => {
    const rows = Object.entries(schema.shape).filter(([name]) => !seen.has(name)).map(([name, field]) => {
      seen.add(name)
      return rowOf(name, field as z.ZodType)
    })
    if (rows.length === 0) return ''
    return [`## ${title}`, '', '| name | default | meaning |', '|---|---|---|', ...rows, ''].join('\n')
  })
  return [
    '# Environment', '',
    'Generated from the schemas that read these names. Each may also be given as `NAME_FILE`, the path of a file that',
    'holds the value. An empty text counts as unset.', '',
    ...parts.filter((part) => part !== ''),
  ].join('\n')
}

function rowOf(name: string, field: z.ZodType): string {
  const described = z.toJSONSchema(field, { io: 'input', unrepresentable: 'any' }) as Described
  const choices = described.enum?.map((choice) => `\`${String(choice)}\``).join(', ')
  const meaning = [described.description ?? '', choices ? `One of ${choices}.` : ''].filter(Boolean).join(' ')
  return `| \`${name}\` | ${defaultOf(field)} | ${meaning.replaceAll('|', '\\|')} |`
}

function defaultOf(field: z.ZodType): string {
  const { success, data } = field.safeParse(undefined)
  if (!success) return 'required'
  if (data === undefined || data === '') return 'unset'
  return `\`${typeof data === 'object' ? JSON.stringify(data) : String(data)}\``
}
