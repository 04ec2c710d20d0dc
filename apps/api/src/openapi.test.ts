import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorsMarkdown } from './http/error-response.ts'
import { openApiDocument } from './openapi.ts'
import { routes } from './routes/index.ts'

const root = new URL('../../../', import.meta.url)

// `UPDATE_DOCS=1 ./fleet test apps/api/src/openapi` writes both files anew.
if (process.env.UPDATE_DOCS === '1') {
  writeFileSync(new URL('openapi.json', root), `${JSON.stringify(openApiDocument(), null, 2)}\n`)
  writeFileSync(new URL('docs/errors.md', root), errorsMarkdown())
}

test('openapi.json at the root is the document of the routes', () => {
  expect(JSON.parse(readFileSync(new URL('openapi.json', root), 'utf8'))).toEqual(JSON.parse(JSON.stringify(openApiDocument())))
})

test('docs/errors.md is the list of codes', () => {
  expect(readFileSync(new URL('docs/errors.md', root), 'utf8')).toBe(errorsMarkdown())
})

test('every folder of routes is in the registry, and every operation has an id of its own', () => {
  const index = readFileSync(new URL('./routes/index.ts', import.meta.url), 'utf8')
  const folders = readdirSync(new URL('./routes', import.meta.url), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.filter(({ name }) => !index.includes(`'./${name}/route.ts'`))).toEqual([])
  const ids = routes.map(({ operation }) => operation.id)
  expect(new Set(ids).size).toBe(ids.length)
})

test('no route is open by mistake: each names a scope', () => {
  expect(routes.filter(({ operation }) => operation.scope === undefined)).toEqual([])
})
