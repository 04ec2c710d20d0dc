import { expect, test } from 'vitest'
import { z } from 'zod'
import { envMarkdown } from './env-markdown.ts'

test('each setting gets one row with its default, its choices and its meaning', () => {
  const first = z.object({
    LEVEL: z.enum(['low', 'high']).default('low').describe('How much.'),
    PORT: z.coerce.number().int().default(0).describe('0 = any'),
    FLAG: z.stringbool().default(false).describe('A switch.'),
    URL: z.string().optional().describe('a|b'),
    SECRET: z.string(),
  })
  const page = envMarkdown([{ title: 'One', schema: first }, { title: 'Two', schema: z.object({ PORT: z.string() }) }])
  expect(page).toContain('## One')
  expect(page).not.toContain('## Two')
  expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
    '| `LEVEL` | `low` | How much. One of `low`, `high`. |',
    '| `PORT` | `0` | 0 = any |',
    '| `FLAG` | `false` | A switch. |',
    '| `URL` | unset | a\\|b |',
    '| `SECRET` | required |  |',
  ])
})
