import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

const KB = 1_024
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'dashboard-build-'))

type Chunk = { file: string; isEntry?: boolean; imports?: string[]; dynamicImports?: string[]; css?: string[] }
let chunks: Record<string, Chunk>

beforeAll(() => {
  const vite = join(root, '../../node_modules/vite/bin/vite.js')
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--outDir', folder, '--manifest', '--logLevel', 'error'], {
    cwd: root, encoding: 'utf8', env: { ...process.env, NODE_ENV: 'production' }, // vitest says `test`, which builds Vue for development
  })
  expect(status, stderr).toBe(0)
  chunks = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sizeOf = (files: Iterable<string>) => [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0)
/** The files that a chunk cannot start without. */
const graphOf = (name: string, seen = new Set<string>()): Set<string> => {
  const chunk = chunks[name]!
  if (!seen.has(chunk.file)) {
    seen.add(chunk.file)
    for (const one of chunk.imports ?? []) graphOf(one, seen)
  }
  return seen
}
const entry = () => graphOf(Object.keys(chunks).find((name) => chunks[name]!.isEntry)!)
const cssFiles = () => new Set(Object.values(chunks).flatMap(({ css = [] }) => css))

test('what every page needs stays below 110 KB of script and 20 KB of style, compressed', () => {
  expect(sizeOf(entry())).toBeLessThanOrEqual(110 * KB)
  expect(sizeOf(cssFiles())).toBeLessThanOrEqual(20 * KB)
})

test('the chart library comes late and stays below 235 KB, every page below 30 KB', () => {
  const chart = graphOf('src/charts/LineChart.vue')
  expect(sizeOf(chart.difference(entry()))).toBeLessThanOrEqual(235 * KB)
  expect(entry().has(chunks['src/charts/LineChart.vue']!.file)).toBe(false)
  const pages = Object.keys(chunks).filter((name) => /src\/pages\/.*Page\.vue$/.test(name))
  expect(pages.length).toBeGreaterThan(7)
  for (const page of pages) expect(sizeOf(graphOf(page).difference(entry())), page).toBeLessThanOrEqual(30 * KB)
})

test('nothing is loaded from elsewhere, and no script or style stands inline', () => {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  expect(html).not.toMatch(/<style|<script(?![^>]*src=)|(src|href)="(https?:)?\/\//)
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css'))) {
    expect(readFileSync(join(folder, file), 'utf8'), file).not.toMatch(/url\(["']?(https?:)?\/\//)
  }
})
