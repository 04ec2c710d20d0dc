import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { builtinModules } from 'node:module'
import { readImports, stripComments, type Import } from './source-imports.ts'

/** What a package may import of this house, by the layer in its `nx.tags` (docs/architecture.md). */
const layersBelow: Record<string, readonly string[]> = {
  domain: [],
  ports: ['domain'],
  features: ['domain', 'ports'],
  support: ['domain', 'ports'],
  schema: ['domain'],
  packs: ['domain'],
  demo: ['domain', 'ports', 'features'],
  jobs: ['domain', 'ports', 'features', 'demo'],
  queue: ['domain', 'ports', 'support'],
  adapter: ['domain', 'ports', 'support'],
  composition: ['domain', 'ports', 'support', 'adapter'],
  app: ['domain', 'ports', 'features', 'demo', 'support', 'schema', 'packs', 'jobs', 'queue', 'adapter', 'composition'],
  suite: ['domain', 'ports'],
  fixture: ['domain', 'ports', 'adapter', 'composition']
}
const testOnlyLayers = ['suite', 'fixture']

/** Third parties that stay at their own edge. Those not named may be imported wherever they are declared. */
const edges: [RegExp, readonly string[]][] = [
  [/^(express|express-rate-limit|helmet|cors|compression|swagger-ui-dist|ws|csv-stringify|@bull-board\/.*)$/, ['apps/api']],
  [/^(bullmq|bullmq-otel|@opentelemetry\/.*)$/, ['libs/queue']],
  [/^ioredis$/, ['libs/queue', 'libs/store-redis']],
  [/^mongodb$/, ['libs/store-mongo']],
  [/^@elastic\/.*$/, ['libs/store-search']],
  [/^(kysely|mysql2)$/, ['libs/store-sql']],
  // The command line and the ingest log take its file lock, which the kernel frees after a kill -9; they store nothing there.
  [/^node:sqlite$/, ['libs/store-sql', 'libs/store-log', 'ops/cli']],
  [/^(pino|pino-http)$/, ['libs/logging']],
  [/^prom-client$/, ['libs/metrics']],
  [/^jose$/, ['libs/features']],
  [/^zod-openapi$/, ['libs/api-contract']],
  [/^vega-datasets$/, ['ops/demo']],
  [/^(nodemailer|web-push)$/, ['libs/channels']],
  [/^(vue|vue-router|vue-i18n|pinia|@pinia\/.*|echarts|vue-echarts|reka-ui)$/, ['apps/dashboard']],
  [/^(commander|@clack\/prompts)$/, ['ops/cli']],
  [/^autocannon$/, ['ops/load']],
  [/^(vitest|fast-check)$/, ['libs/testing', 'libs/contract-tests']]
]
const pureLayers = ['domain', 'ports', 'packs', 'schema']
const inputOutput = /^node:(fs|net|tls|http|http2|https|dgram|dns|child_process|cluster|worker_threads|sqlite|os)(\/|$)/

const licences = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'BSD', 'Apache-2.0', '0BSD', 'BlueOak-1.0.0',
  'Unlicense', 'MIT-0', 'CC0-1.0', 'Python-2.0', 'Zlib'])
const devLicences = new Set(['MPL-2.0'])
/** Builds the dashboard's style sheet: run as it is, on our sources, and no part of what a browser gets. */
const buildTool = /^lightningcss(-|$)/
const dataLicences = new Set(['CC-BY-4.0'])
/** Packages that are data, not code. */
const dataPackages = new Set(['caniuse-lite', 'spdx-exceptions'])

const drawer = /^(utils?|helpers?|common|misc|shared|types|interfaces|base|manager)$/
/** `rollup-store.contract.ts` is kebab-case too: what follows a dot is the kind of file. */
const kebabCase = /^[a-z0-9]+([-.][a-z0-9]+)*$/
const component = /^([A-Z][a-z0-9]*)+\.vue$/
const testOnlyFile = /\.(test|fixture)\.ts$/

interface Workspace {
  folder: string
  name: string
  layer: string
  /** The file behind each name by which the package may be imported. */
  entries: ReadonlyMap<string, string>
  declared: Record<string, string>
  /** Its npm scripts, one a line. */
  scripts: string
}

interface SourceFile {
  /** From the root, with slashes. */
  path: string
  workspace: Workspace | undefined
  isTest: boolean
  /** Without comments and without what strings say. */
  code: string
  strings: string[]
  imports: Import[]
}

interface LockEntry {
  name?: string
  resolved?: string
  link?: boolean
  license?: string
  dev?: boolean
  devOptional?: boolean
  optionalDependencies?: Record<string, string>
}

/** Every breach of the house rules under a root, one line each: `path: what is wrong`. */
export function findBreaches(root: string): string[] {
  const workspaces = readWorkspaces(root)
  const files = readSources(root, workspaces)
  return [
    ...workspaces.flatMap((workspace) => layerBreaches(workspace)),
    ...files.flatMap((file) => [
      ...nameBreaches(file),
      ...importBreaches(file, workspaces),
      ...environmentBreaches(file)
    ]),
    ...declarationBreaches(files, workspaces),
    ...packageCycles(files, workspaces),
    ...fileCycles(root, files, workspaces),
    ...pinBreaches(root, workspaces),
    ...lockBreaches(root)
  ].sort()
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

function readWorkspaces(root: string): Workspace[] {
  return ['apps', 'libs', 'ops'].flatMap((group) => foldersIn(join(root, group)).flatMap((name) => {
    const folder = `${group}/${name}`
    const path = join(root, folder, 'package.json')
    if (!existsSync(path)) return []
    const manifest = readJson<{
      name: string, exports?: string | Record<string, string>, nx?: { tags?: string[] },
      dependencies?: Record<string, string>, devDependencies?: Record<string, string>, scripts?: Record<string, string>
    }>(path)
    const tag = manifest.nx?.tags?.find((text) => text.startsWith('layer:'))
    return [{
      folder,
      name: manifest.name,
      layer: tag?.slice('layer:'.length) ?? '',
      entries: entriesOf(folder, manifest.name, manifest.exports ?? './src/index.ts'),
      declared: { ...manifest.devDependencies, ...manifest.dependencies },
      scripts: Object.values(manifest.scripts ?? {}).join('\n')
    }]
  }))
}

/** The file behind each name by which a package may be imported: its own, and `name/part` for each part it exports. */
function entriesOf(folder: string, name: string, exported: string | Record<string, string>): Map<string, string> {
  const parts = typeof exported === 'string' ? { '.': exported } : exported
  return new Map(Object.entries(parts).map(([part, file]) => [join(name, part), join(folder, file)]))
}

function foldersIn(path: string): string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}

function readSources(root: string, workspaces: Workspace[]): SourceFile[] {
  const paths = ['apps', 'libs', 'ops', 'tests'].flatMap((group) => sourcesUnder(join(root, group)))
  if (existsSync(join(root, 'vitest.config.ts'))) paths.push(join(root, 'vitest.config.ts'))
  return paths.map((absolute) => {
    const path = relative(root, absolute)
    const source = scriptOf(path, readFileSync(absolute, 'utf8'))
    return {
      path,
      workspace: workspaces.find(({ folder }) => path.startsWith(`${folder}/`)),
      isTest: testOnlyFile.test(path) || path.startsWith('tests/') || path === 'vitest.config.ts',
      ...stripComments(source),
      imports: readImports(source)
    }
  })
}

/** What is TypeScript in a file: the scripts of a component; of a style sheet what it imports. */
function scriptOf(path: string, text: string): string {
  if (path.endsWith('.vue')) return [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script).join('\n')
  if (path.endsWith('.css')) return [...text.matchAll(/^@import\s+(['"][^'"]+['"])/gm)].map(([, name]) => `import ${name}`).join('\n')
  return text
}

function sourcesUnder(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ['node_modules', 'dist', 'coverage'].includes(entry.name) ? [] : sourcesUnder(path)
    return /\.(ts|mts|vue|css)$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

function layerBreaches({ folder, layer }: Workspace): string[] {
  return layer in layersBelow ? [] : [`${folder}/package.json: nx.tags names no known layer`]
}

function nameBreaches({ path, code }: SourceFile): string[] {
  const breaches: string[] = []
  const parts = path.split('/').map((part) => part.replace(/\.(m?ts|css)$/, ''))
  for (const part of parts) {
    if (drawer.test(part.split('.')[0] ?? '')) breaches.push(`${path}: '${part}' is a drawer; name what is in it`)
    else if (part.endsWith('.vue')) {
      if (!component.test(part)) breaches.push(`${path}: a component is named like a class`)
    } else if (!kebabCase.test(part)) breaches.push(`${path}: '${part}' is not kebab-case`)
  }
  if (/\bexport\s+default\b/.test(code) && !/(\.config|\/global-setup)\.ts$/.test(path)) {
    breaches.push(`${path}: exports a default; exports have names here`)
  }
  return breaches
}

/** `@scope/name/deep` and `name/deep` without what is inside the package. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(packageOf(specifier))
}

function importBreaches(file: SourceFile, workspaces: Workspace[]): string[] {
  const { path, workspace, isTest, imports } = file
  const breaches: string[] = []
  const breach = (what: string) => breaches.push(`${path}: ${what}`)
  for (const { specifier } of imports) {
    if (specifier.startsWith('.')) {
      if (!isTest && testOnlyFile.test(specifier)) breach(`'${specifier}' is for *.test.ts alone`)
      if (!/\.(ts|mts|json|vue|css)$/.test(specifier)) breach(`'${specifier}' must end in .ts`)
      if (workspace && !join(dirname(path), specifier).startsWith(`${workspace.folder}/`)) {
        breach(`'${specifier}' leaves the package; import it by name`)
      }
      continue
    }
    if (isBuiltin(specifier) && !specifier.startsWith('node:')) breach(`'${specifier}' must be 'node:${specifier}'`)
    if (isTest) continue

    const target = workspaces.find(({ name }) => name === packageOf(specifier))
    if (target && !target.entries.has(specifier)) breach(`'${specifier}' reaches into ${target.name}`)
    if (target && workspace && target !== workspace) {
      if (testOnlyLayers.includes(target.layer)) breach(`${target.name} is for *.test.ts alone`)
      else if (!(layersBelow[workspace.layer] ?? []).includes(target.layer)) {
        breach(`layer ${workspace.layer} may not import ${target.name} of layer ${target.layer}`)
      }
    }
    if (target || !workspace) continue
    const edge = edges.find(([pattern]) => pattern.test(specifier) || pattern.test(packageOf(specifier)))
    // Measuring and breaking ours takes the bare driver too.
    const goesBeneath = ['ops/load', 'ops/chaos'].includes(workspace.folder)
    if (edge && !goesBeneath && !edge[1].includes(workspace.folder)) breach(`'${specifier}' belongs to ${edge[1].join(' and ')}`)
    if (pureLayers.includes(workspace.layer) && inputOutput.test(specifier)) {
      breach(`layer ${workspace.layer} does no input or output: '${specifier}'`)
    }
  }
  return breaches
}

function environmentBreaches({ path, workspace, isTest, code, imports }: SourceFile): string[] {
  const mayRead = isTest || path.endsWith('/main.ts') || path.endsWith('.config.ts') || path.startsWith('ops/') ||
    workspace?.folder === 'libs/config' || workspace?.folder === 'libs/testing'
  if (mayRead) return []
  const reads = /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[|\benv\b[^;\n]*\}\s*=\s*process\b/.test(code) ||
    imports.some(({ specifier, clause }) => specifier === 'node:process' && /\benv\b/.test(clause))
  return reads ? [`${path}: reads the environment; main.ts hands it down`] : []
}

function declarationBreaches(files: SourceFile[], workspaces: Workspace[]): string[] {
  return workspaces.flatMap((workspace) => {
    const own = files.filter((file) => file.workspace === workspace)
    const named = (among: SourceFile[]) => new Set(among.flatMap(({ imports }) => imports)
      .map(({ specifier }) => specifier)
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
      .map(packageOf))
    const imported = named(own.filter(({ isTest }) => !isTest))
    const anywhere = named(own)
    const undeclared = [...imported]
      .filter((name) => name !== workspace.name && !(name in workspace.declared) && !['vitest', 'fast-check'].includes(name))
    const unused = Object.keys(workspace.declared)
      .filter((name) => !anywhere.has(name) && !name.startsWith('@types/') && !isRunByPath(name, own) && !workspace.scripts.includes(name))
    return [
      ...undeclared.map((name) => `${workspace.folder}/package.json: ${name} is imported and not declared`),
      ...unused.map((name) => `${workspace.folder}/package.json: ${name} is declared and not imported`)
    ]
  })
}

/** Packages whose files are served or read rather than imported are named in a resolve or in a string. */
function isRunByPath(name: string, files: SourceFile[]): boolean {
  return files.some(({ strings }) => strings.some((text) => text === name || text.startsWith(`${name}/`)))
}

/** The first way round from each node that has one; every cycle once, from its first member by name. */
function cyclesOf(graph: Map<string, Set<string>>): string[][] {
  const cycles = new Map<string, string[]>()
  const done = new Set<string>()
  const visit = (node: string, trail: string[]): void => {
    const at = trail.indexOf(node)
    if (at >= 0) {
      const cycle = trail.slice(at)
      const first = cycle.indexOf([...cycle].sort()[0] ?? '')
      const turned = [...cycle.slice(first), ...cycle.slice(0, first)]
      cycles.set(turned.join(' → '), turned)
      return
    }
    if (done.has(node)) return
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node])
    done.add(node)
  }
  for (const node of [...graph.keys()].sort()) visit(node, [])
  return [...cycles.values()]
}

function packageCycles(files: SourceFile[], workspaces: Workspace[]): string[] {
  const graph = new Map<string, Set<string>>(workspaces.map(({ name }) => [name, new Set()]))
  for (const { workspace, isTest, imports } of files) {
    if (!workspace || isTest) continue
    for (const { specifier } of imports) {
      const name = packageOf(specifier)
      if (name !== workspace.name && graph.has(name)) graph.get(workspace.name)?.add(name)
    }
  }
  return cyclesOf(graph).map((cycle) => `${cycle[0]}: packages import each other: ${[...cycle, cycle[0]].join(' → ')}`)
}

function fileCycles(root: string, files: SourceFile[], workspaces: Workspace[]): string[] {
  const known = new Set(files.map(({ path }) => path))
  const graph = new Map<string, Set<string>>()
  for (const { path, imports } of files) {
    const targets = imports.flatMap(({ specifier }) => {
      if (specifier.startsWith('.')) return [relative(root, resolve(root, dirname(path), specifier))]
      const entry = workspaces.flatMap(({ entries }) => entries.get(specifier) ?? [])
      return entry
    })
    graph.set(path, new Set(targets.filter((target) => known.has(target))))
  }
  return cyclesOf(graph).map((cycle) =>
    `${cycle[0]}: files import each other: ${[...cycle, cycle[0]].map((path) => basename(path ?? '')).join(' → ')}`)
}

function pinBreaches(root: string, workspaces: Workspace[]): string[] {
  const own = new Set(workspaces.map(({ name }) => name))
  return ['.', ...workspaces.map(({ folder }) => folder)].flatMap((folder) => {
    const path = join(folder, 'package.json')
    const manifest = readJson<Record<string, Record<string, unknown> | undefined>>(join(root, path))
    return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) =>
      Object.entries(manifest[kind] ?? {}).flatMap(([name, version]) => {
        const exact = own.has(name) ? version === '*'
          : /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version))
        return exact ? [] : [`${path}: ${name} is not pinned: ${String(version)}`]
      }))
  })
}

function lockBreaches(root: string): string[] {
  const { packages } = readJson<{ packages: Record<string, LockEntry> }>(join(root, 'package-lock.json'))
  // npm marks the platform builds of a development tool as optional, not as for development.
  const builds = new Set(Object.values(packages)
    .filter((entry) => entry.dev || entry.devOptional).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {})))
  return Object.entries(packages).flatMap(([path, entry]) => {
    const breaches: string[] = []
    if (/^(git\+)?(https?|ssh):/.test(entry.resolved ?? '')) breaches.push(`package-lock.json: ${path} names a download host`)
    if (!path.includes('node_modules/') || entry.link) return breaches
    const licence = entry.license ?? installedLicence(join(root, path))
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (!allows(licence, name, entry.dev === true || entry.devOptional === true || builds.has(name) || buildTool.test(name))) {
      breaches.push(`package-lock.json: ${name} has the licence ${licence || 'of nobody knows what'}`)
    }
    return breaches
  })
}

/** Old packages state `{type}` or a list of them, which the lockfile leaves out. */
function installedLicence(folder: string): string {
  const path = join(folder, 'package.json')
  if (!existsSync(path)) return ''
  type Stated = string | { type?: string }
  const { license, licenses } = readJson<{ license?: Stated, licenses?: Stated[] }>(path)
  const text = (stated: Stated | undefined) => typeof stated === 'string' ? stated : stated?.type ?? ''
  return text(license) || (licenses ?? []).map(text).join(' OR ')
}

/** SPDX expressions: one side of an OR is enough, an AND needs both. */
function allows(expression: string, name: string, isDev: boolean): boolean {
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? []
  let at = 0
  const one = (): boolean => {
    const token = tokens[at++]
    if (token === undefined) return false
    if (token === '(') {
      const inside = any()
      at += 1
      return inside
    }
    return licences.has(token) || (isDev && devLicences.has(token)) || (dataPackages.has(name) && dataLicences.has(token))
  }
  const both = (): boolean => {
    let all = one()
    while (tokens[at]?.toUpperCase() === 'AND') { at += 1; all = one() && all }
    return all
  }
  const any = (): boolean => {
    let some = both()
    while (tokens[at]?.toUpperCase() === 'OR') { at += 1; some = both() || some }
    return some
  }
  return any() && at >= tokens.length
}
