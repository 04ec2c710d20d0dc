import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { findBreaches } from './house-rules.ts'
import { readImports } from './source-imports.ts'

describe('this house', () => {
  it('keeps its rules', () => {
    expect(findBreaches(resolve(import.meta.dirname, '..'))).toEqual([])
  })
})

describe('each rule can fail', () => {
  let root = ''
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  interface Plan {
    layers?: Record<string, string>
    dependencies?: Record<string, Record<string, string>>
    lock?: Record<string, object>
    files: Record<string, string>
  }

  /** The breaches of a small house with these packages (folder → layer) and files. */
  function breachesOf({ layers = { 'libs/domain': 'domain' }, dependencies = {}, lock = {}, files }: Plan): string[] {
    root = mkdtempSync(join(tmpdir(), 'house-'))
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    write('package.json', '{}')
    write('package-lock.json', JSON.stringify({ packages: lock }))
    for (const [folder, layer] of Object.entries(layers)) {
      write(`${folder}/package.json`, JSON.stringify({
        name: `@tallyfleet/${folder.split('/')[1]}`,
        exports: './src/index.ts',
        nx: { tags: [`layer:${layer}`] },
        dependencies: dependencies[folder] ?? {}
      }))
    }
    for (const [path, text] of Object.entries(files)) write(path, text)
    return findBreaches(root)
  }

  it('a tidy house has none', () => {
    expect(breachesOf({
      layers: { 'libs/domain': 'domain', 'libs/ports': 'ports', 'libs/testing': 'fixture' },
      dependencies: { 'libs/ports': { '@tallyfleet/domain': '*', zod: '4.6.7' } },
      lock: { 'node_modules/zod': { license: '(MIT OR GPL-3.0)' }, 'libs/ports': { }, 'node_modules/@tallyfleet/ports': { resolved: 'libs/ports', link: true } },
      files: {
        'libs/domain/src/index.ts': 'export { a } from \'./event-id.ts\'',
        'libs/domain/src/event-id.ts': '// import \'express\'\nexport const a = "import \'express\'" + `${1} import "bullmq" process.env`',
        'libs/ports/src/index.ts': 'import type { a } from \'@tallyfleet/domain\'\nimport * as z from \'zod\'\nexport type B = [typeof a, typeof z]',
        'libs/ports/src/index.test.ts': 'import { freshName } from \'@tallyfleet/testing\'\nprocess.env.CI',
        'libs/testing/src/index.ts': 'import { inject } from \'vitest\'\nexport const x = inject'
      }
    })).toEqual([])
  })

  const forbidden: [string, string][] = [
    ['domain', 'ports'], ['ports', 'features'], ['features', 'support'], ['features', 'adapter'], ['features', 'jobs'],
    ['support', 'features'], ['schema', 'ports'], ['packs', 'ports'], ['jobs', 'queue'], ['jobs', 'app'],
    ['queue', 'features'], ['queue', 'adapter'], ['adapter', 'queue'], ['adapter', 'composition'], ['adapter', 'adapter'],
    ['composition', 'features'], ['app', 'app'], ['suite', 'adapter'], ['fixture', 'app']
  ]
  it.each(forbidden)('%s may not import %s', (upper, lower) => {
    expect(breachesOf({
      layers: { 'libs/upper': upper, 'libs/lower': lower },
      dependencies: { 'libs/upper': { '@tallyfleet/lower': '*' } },
      files: { 'libs/upper/src/index.ts': 'import type { A } from \'@tallyfleet/lower\'\nexport type B = A' }
    })).toEqual([`libs/upper/src/index.ts: layer ${upper} may not import @tallyfleet/lower of layer ${lower}`])
  })

  it.each(['suite', 'fixture'])('%s is for tests alone', (layer) => {
    expect(breachesOf({
      layers: { 'apps/api': 'app', 'libs/lower': layer },
      dependencies: { 'apps/api': { '@tallyfleet/lower': '*' } },
      files: { 'apps/api/src/index.ts': 'export * from \'@tallyfleet/lower\'' }
    })).toEqual(['apps/api/src/index.ts: @tallyfleet/lower is for *.test.ts alone'])
  })

  it('a package has a known layer', () => {
    expect(breachesOf({ layers: { 'libs/domain': 'cellar' }, files: {} }))
      .toEqual(['libs/domain/package.json: nx.tags names no known layer'])
  })

  it.each(['express', '@bull-board/api', 'bullmq', 'ioredis', 'mongodb', '@elastic/elasticsearch', 'kysely', 'pino', 'vue', 'vitest'])(
    '%s stays at its edge', (name) => {
      const breaches = breachesOf({
        layers: { 'libs/features': 'features' },
        dependencies: { 'libs/features': { [name]: '1.0.0' } },
        files: { 'libs/features/src/index.ts': `export const a = await import('${name}')` }
      })
      expect(breaches).toEqual([expect.stringMatching(`^libs/features/src/index.ts: '${name}' belongs to `)])
    })

  it.each<[string, string, string]>([
    ['node:sqlite outside its adapter', 'import \'node:sqlite\'', '\'node:sqlite\' belongs to libs/store-sql and libs/store-log and ops/cli'],
    ['input and output in a pure layer', 'import { readFile } from \'node:fs/promises\'', 'layer domain does no input or output: \'node:fs/promises\''],
    ['a builtin without its prefix', 'import { join } from \'path\'', '\'path\' must be \'node:path\''],
    ['a relative import without .ts', 'export * from \'./event\'', '\'./event\' must end in .ts'],
    ['a relative import out of the package', 'import \'../../ports/src/a.ts\'', '\'../../ports/src/a.ts\' leaves the package; import it by name'],
    ['the environment', 'export const a = process.env[\'A\']', 'reads the environment; main.ts hands it down'],
    ['the environment taken apart', 'const { env } = process', 'reads the environment; main.ts hands it down'],
    ['the environment imported', 'import { env } from \'node:process\'', 'reads the environment; main.ts hands it down'],
    ['a default export', 'export default 1', 'exports a default; exports have names here']
  ])('finds %s', (_, text, what) => {
    expect(breachesOf({ files: { 'libs/domain/src/index.ts': text } })).toContain(`libs/domain/src/index.ts: ${what}`)
  })

  it.each(['utils.ts', 'helpers.ts', 'common/a.ts', 'types.ts', 'interfaces.ts'])('finds the drawer %s', (name) => {
    expect(breachesOf({ files: { [`libs/domain/src/${name}`]: '' } })[0]).toMatch(/is a drawer; name what is in it$/)
  })

  it('finds a name that is not kebab-case', () => {
    expect(breachesOf({ files: { 'libs/domain/src/EventId.ts': '' } }))
      .toEqual(['libs/domain/src/EventId.ts: \'EventId\' is not kebab-case'])
  })

  it('finds an import that is not declared and a declaration that is not imported', () => {
    expect(breachesOf({
      layers: { 'libs/domain': 'domain', 'libs/ports': 'ports' },
      dependencies: { 'libs/ports': { zod: '4.6.7' } },
      files: { 'libs/ports/src/index.ts': 'export * from \'@tallyfleet/domain\'' }
    })).toEqual([
      'libs/ports/package.json: @tallyfleet/domain is imported and not declared',
      'libs/ports/package.json: zod is declared and not imported'
    ])
  })

  it('finds test code that a server would load', () => {
    expect(breachesOf({
      files: { 'libs/domain/src/a.ts': 'import \'./b.fixture.ts\'', 'libs/domain/src/b.fixture.ts': 'import \'vitest\'' }
    })).toEqual(['libs/domain/src/a.ts: \'./b.fixture.ts\' is for *.test.ts alone'])
  })

  it('finds an import of what a package does not export', () => {
    expect(breachesOf({
      layers: { 'libs/domain': 'domain', 'libs/ports': 'ports' },
      dependencies: { 'libs/ports': { '@tallyfleet/domain': '*' } },
      files: { 'libs/ports/src/index.ts': 'export * from \'@tallyfleet/domain/src/a.ts\'' }
    })).toEqual(['libs/ports/src/index.ts: \'@tallyfleet/domain/src/a.ts\' reaches into @tallyfleet/domain'])
  })

  it('finds a cycle between files, of types too', () => {
    expect(breachesOf({
      files: {
        'libs/domain/src/a.ts': 'import type { B } from \'./b.ts\'\nexport type A = B',
        'libs/domain/src/b.ts': 'export type { A } from \'./c.ts\'',
        'libs/domain/src/c.ts': 'export type C = import(\'./a.ts\').A'
      }
    })).toEqual(['libs/domain/src/a.ts: files import each other: a.ts → b.ts → c.ts → a.ts'])
  })

  it('finds a cycle between packages whose files have none', () => {
    const breaches = breachesOf({
      layers: { 'libs/domain': 'domain', 'libs/ports': 'ports' },
      dependencies: { 'libs/ports': { '@tallyfleet/domain': '*' }, 'libs/domain': { '@tallyfleet/ports': '*' } },
      files: {
        'libs/domain/src/index.ts': 'export const a = 1',
        'libs/domain/src/other.ts': 'import \'@tallyfleet/ports\'',
        'libs/ports/src/index.ts': 'import \'@tallyfleet/domain\''
      }
    })
    expect(breaches).toContain(
      '@tallyfleet/domain: packages import each other: @tallyfleet/domain → @tallyfleet/ports → @tallyfleet/domain')
    expect(breaches.join()).not.toContain('files import each other')
  })

  it.each(['^1.0.0', '~1.0.0', '1.x', 'latest', '*', 'github:a/b'])('finds the loose version %s', (version) => {
    expect(breachesOf({
      dependencies: { 'libs/domain': { zod: version } },
      files: { 'libs/domain/src/index.ts': 'import \'zod\'' }
    })).toEqual([`libs/domain/package.json: zod is not pinned: ${version}`])
  })

  it('finds a download host in the lockfile', () => {
    expect(breachesOf({
      lock: { 'node_modules/a': { license: 'MIT', resolved: 'https://registry.example/a.tgz' } }, files: {}
    })).toEqual(['package-lock.json: node_modules/a names a download host'])
  })

  it.each<[string, boolean, boolean]>([
    ['MIT', false, true], ['MIT AND ISC', false, true], ['(GPL-3.0 OR MIT)', false, true], ['BlueOak-1.0.0', false, true],
    ['AGPL-3.0', false, false], ['MIT AND GPL-3.0', false, false], ['SEE LICENSE IN LICENSE', false, false],
    ['CC-BY-4.0', false, false], ['MPL-2.0', false, false], ['MPL-2.0', true, true], ['', true, false]
  ])('the licence %j (dev: %s) is allowed: %s', (license, dev, allowed) => {
    expect(breachesOf({ lock: { 'node_modules/a': { license, dev } }, files: {} })).toHaveLength(allowed ? 0 : 1)
  })
})

describe('readImports', () => {
  it('sees every form and nothing in comments, strings, templates and regular expressions', () => {
    const source = [
      'import a, { type B as C } from "one"',
      'import type {',
      '  D',
      '} from \'two\' with { type: \'json\' }',
      'import \'three\'; export * as e from \'four\'; export type { F } from \'five\'',
      'const g = await import(\'six\') as import(\'seven\').H',
      '/* import "no" */ // import "no"',
      'const i = `import "no" ${`${"x"}` + (await import(\'eight\'))} import "no"`',
      'const j = /import "no"[/"]/.test("import \'no\'") ? 1 / 2 : \'it\\\'s import "no"\'',
      'import { k } from "nine"'
    ].join('\n')
    expect(readImports(source).map(({ specifier }) => specifier).sort())
      .toEqual(['eight', 'five', 'four', 'nine', 'one', 'seven', 'six', 'three', 'two'])
  })
})
