import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cleanEnv, newHome, ROOT, startFleet, type FleetProcess } from './fleet-process.ts'

const README = await readFile(join(ROOT, 'README.md'), 'utf8')

/** Files that the import lines name, as a newcomer would have them. */
const FILES = {
  'access.log': '203.0.113.9 - - [01/Nov/2026:10:00:00 +0000] "GET /pricing HTTP/1.1" 200 512 "-" "Mozilla/5.0"\n',
  'u.data': '1\t50\t5\t881250949\n',
  'events.ndjson': '{"domain":"web","entity_type":"page","entity_id":"/a","action":"view","occurred_at":"2026-11-01T10:00:00Z","event_id":"r-1"}\n',
  'events.csv': 'page,time\n/b,2026-11-01T10:00:00Z\n',
}

/** Code of the README under a heading. */
function block(heading: string, language: string, nth = 0): string {
  const section = README.split(/^## /m).find((part) => part.startsWith(heading))
  const found = [...(section ?? '').matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))][nth]
  if (!found) throw new Error(`README.md has no ${language} block ${nth} under "${heading}"`)
  return found[1]!
}

describe('what the README tells a newcomer to type works', () => {
  let home: Awaited<ReturnType<typeof newHome>>
  let fleet: FleetProcess
  let folder: string

  beforeAll(async () => {
    home = await newHome()
    fleet = await startFleet(cleanEnv(home.home))
    folder = join(home.home, 'newcomer')
    await mkdir(folder)
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text)
    await writeFile(join(folder, 'fleet'), `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'ops/cli/src/main.ts')}' "$@"\n`)
    await chmod(join(folder, 'fleet'), 0o755)
  }, 120_000)
  afterAll(async () => {
    await fleet?.stop()
    await home?.remove()
  }, 120_000)

  /** Types the lines into a shell that stops at the first failure. Answers what they print. */
  async function type(lines: string): Promise<string> {
    const here = lines.replaceAll('http://127.0.0.1:8080', fleet.url)
    const env = { ...fleet.env, PATH: `${dirname(process.execPath)}:${fleet.env['PATH']}` }
    const { stdout } = await promisify(execFile)('sh', ['-euc', here], { cwd: folder, env })
    return stdout
  }

  test('the first event is sent, flushed and read', async () => {
    const answer = (await type(block('Send your first event', 'sh'))).trimEnd().split('\n').at(-1)!
    expect(JSON.parse(answer).data).toMatchObject([{ entity_id: '/pricing', count: 1 }])
  }, 120_000)

  test('the snippet is served, and the command that makes its key works', async () => {
    const [, command] = /`(\.\/fleet keys create --publishable[^`]+)`/.exec(README)!
    expect(await type(command!)).toContain('tf_pk_')
    const [, url] = /src="([^"]+)"/.exec(block('Send your first event', 'html'))!
    const script = await fetch(url!.replace('http://127.0.0.1:8080', fleet.url))
    expect([script.status, script.headers.get('content-type')]).toEqual([200, expect.stringContaining('javascript')])
  })

  test('every file import counts its line', async () => {
    await type(block('Send your first event', 'sh', 1))
    await type('./fleet flush --wait')
    const { json } = await fleet.cli('ledger')
    expect(json.data).toMatchObject({ balanced: true })
    const top = await fleet.get('/api/v1/entities/top?domain=web&entity_type=page&action=view')
    expect(top.body.data.map((row: { entity_id: string }) => row.entity_id).sort()).toEqual(['/a', '/b', '/pricing'])
  }, 180_000)

  test('the commands that prove the numbers find nothing wrong', async () => {
    await type(block('What it promises', 'sh'))
  }, 120_000)
})
