import { execFile } from 'node:child_process'
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ROOT } from './fleet-process.ts'

/**
 * What `./fleet` asks of npm before it runs a command. npm is played by a script that notes what it was asked, and the
 * pinned Node.js by a wrapper around this one; the rest is the script as it is, in a checkout of its own.
 */
const NPM = `#!/bin/sh
echo "$*" >>"$ASKED"
case $1 in
ci) rm -rf node_modules; mkdir -p node_modules; [ "$2" = --omit=dev ] || mkdir node_modules/vitest ;;
install) mkdir -p node_modules/vitest ;;
pack) [ -z "\${NO_PACK:-}" ] || exit 1
  mkdir -p package/bin && printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$NODE" >package/bin/node && chmod 755 package/bin/node
  tar -czf node.tgz package ;;
rebuild) mkdir -p node_modules/node/bin && ln -s "$NODE" node_modules/node/bin/node ;;
esac
[ -z "\${SLOW:-}" ] || sleep 1
`

let root: string
let env: Record<string, string>
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fleet-install-'))
  const write = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
    await chmod(join(root, path), mode)
  }
  await copyFile(join(ROOT, 'fleet'), join(root, 'fleet'))
  await write('package.json', JSON.stringify({ dependencies: { node: '24.0.0' } }))
  await write('package-lock.json', '{}')
  await write('.npmrc', '')
  await write('ops/cli/src/main.ts', 'console.log(process.argv.slice(2).join(" "))')
  await write('bin/npm', NPM, 0o755)
  await writeFile(join(root, 'asked'), '')
  env = { PATH: `${root}/bin:${dirname(process.execPath)}:${process.env['PATH']}`, ASKED: join(root, 'asked'), NODE: process.execPath }
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** Runs a command; answers what npm was asked for it, without the switches that are always there. */
async function asked(command: string, more: Record<string, string> = {}): Promise<string[]> {
  await writeFile(env['ASKED']!, '')
  const { stdout } = await promisify(execFile)(join(root, 'fleet'), command.split(' '), { env: { ...env, ...more } })
  expect(stdout).toBe(`${command}\n`)
  return await notes()
}
const notes = async () => (await readFile(env['ASKED']!, 'utf8')).trim().split('\n').filter(Boolean)
  .filter((line) => !line.startsWith('pack')).map((line) => line.replace(/ --ignore-scripts .*| --ignore-scripts=false.*/, ''))

test('a command installs what it needs to run, once', async () => {
  expect(await asked('up --demo')).toEqual(['ci --omit=dev'])
  expect(await asked('keys create --name test')).toEqual([])
})

test('the tests add what they need to what is there, and nothing is taken away again', async () => {
  expect(await asked('up')).toEqual(['ci --omit=dev'])
  expect(await asked('test --long')).toEqual(['install --no-save --include=dev'])
  expect(await asked('up')).toEqual([])
  expect(await asked('test')).toEqual([])
})

test('the tests of a fresh clone install everything at once', async () => {
  expect(await asked('test')).toEqual(['ci --include=dev'])
})

test('other pinned packages are installed anew, those of the tests where they were', async () => {
  await asked('up')
  await appendFile(join(root, 'package-lock.json'), ' ')
  expect(await asked('up')).toEqual(['ci --omit=dev'])
  await asked('test')
  await appendFile(join(root, '.npmrc'), '# changed\n')
  expect(await asked('up')).toEqual(['ci --include=dev'])
})

test('where the pinned Node.js cannot be fetched beside the rest, npm brings it by its own script', async () => {
  expect(await asked('up', { NO_PACK: '1' })).toEqual(['ci --omit=dev', 'rebuild node'])
})

test('two at once install once', async () => {
  const run = (command: string) => promisify(execFile)(join(root, 'fleet'), [command], { env: { ...env, SLOW: '1' } })
  const answers = await Promise.all([run('up'), run('doctor')])
  expect(answers.map(({ stdout }) => stdout)).toEqual(['up\n', 'doctor\n'])
  expect(await notes()).toEqual(['ci --omit=dev'])
})
