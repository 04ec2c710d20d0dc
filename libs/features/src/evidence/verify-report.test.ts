import { cp, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openSpine, type Spine } from '../spine.fixture.ts'
import { canonicalJson } from './canonical-json.ts'
import { signDetached } from './detached-signature.ts'
import { openEvidenceKey, publicKeyFile } from './evidence-key.ts'
import { generateReport, type EvidenceReport } from './generate-report.ts'
import { listReports } from './list-reports.ts'
import { filesOf } from './report-folder.ts'
import { verifyReports } from './verify-report.ts'

const CHAIN = 5
let spine: Spine
let home: string
let folder: string

beforeAll(async () => {
  spine = await openSpine()
  home = spine.home
  await spine.putFilm('m-1')
  for (let i = 0; i < CHAIN; i++) {
    await spine.send(['m-1', 'm-2'])
    await spine.flush(`job-${i}`)
    await spine.sync()
    await generate(join(home, 'reports'))
  }
})
afterAll(() => spine[Symbol.asyncDispose]())

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleet-reports-'))
  await cp(join(home, 'reports'), folder, { recursive: true })
})
afterEach(() => rm(folder, { recursive: true }))

const generate = (to: string) =>
  generateReport(spine.needs, { folder: to, keyPath: join(home, 'evidence-key'), codeVersion: '1', settings: {} })

const faultsIn = async (options = {}) => (await verifyReports(folder, options)).faults
const jsonOf = async (name: string) =>
  JSON.parse(await readFile(join(folder, name, 'report.json'), 'utf8')) as EvidenceReport
const edit = async (file: string, change: (bytes: Buffer) => Buffer) =>
  writeFile(join(folder, file), change(await readFile(join(folder, file))))

/** The bytes with one of them changed. */
const flipped = (at: number) => (bytes: Buffer) => {
  const changed = Buffer.from(bytes)
  changed[at]! ^= 0x01
  return changed
}

describe('an untouched chain', () => {
  test('verifies anywhere, as a whole and report by report', async () => {
    const { valid, faults, reports, fingerprint } = await verifyReports(folder)
    expect({ valid, faults }).toEqual({ valid: true, faults: [] })
    expect(reports.map(({ sequence, verified }) => [sequence, verified])).toEqual([1, 2, 3, 4, 5].map((n) => [n, true]))
    expect(await verifyReports(folder, { fingerprint })).toMatchObject({ valid: true, pinned: true })
    for (const path of ['000003', '000003/report.json', '000003/report.jws']) {
      expect(await verifyReports(join(folder, path)), path).toMatchObject({ valid: true, reports: [{ sequence: 3 }] })
    }
    await cp(join(folder, '000002'), join(folder, 'alone'), { recursive: true })
    const alone = await verifyReports(join(folder, 'alone/report.json'))
    expect(alone).toMatchObject({ valid: true, reports: [{ sequence: 2 }] })
  })

  test('says what every store shows', async () => {
    const report = await jsonOf('000005')
    expect(report).toMatchObject({
      format: 1, sequence: 5, quiet: true, ledger: { counted: 10, balanced: true }, parity: { equal: true },
    })
    expect(report.totals).toEqual([expect.objectContaining({ action: 'download', rollups: 0, agrees: true }), {
      tenant: 'default', domain: 'jav', entityType: 'movie', action: 'view', measure: 'count', rollups: 10, days: 10,
      catalog: { shown: 5, opening: 0, withoutRow: 5 }, segments: 5, agrees: true,
    }])
    expect(report.batches.map(({ n, jobId }) => [n, jobId])).toEqual([[5, 'job-4'], [5, 'job-4']])
    expect(report.batches[0]!.checksum).toMatch(/^[0-9a-f]{64}$/)
  })

  test('is listed newest first, and a folder that is not there has none', async () => {
    await edit('000004/report.json', flipped(40))
    const { reports } = await listReports(folder, 2)
    expect(reports.map(({ sequence, verified }) => [sequence, verified])).toEqual([[5, true], [4, false]])
    expect(reports[1]!.faults).toEqual([expect.objectContaining({ what: 'changed', byte: 40 })])
    expect((await listReports(join(folder, 'nowhere'), 2)).reports).toEqual([])
  })
})

describe('one byte changed', () => {
  test('in any region of any file is named, with its place', async () => {
    const files = ['evidence-key.json', 'head.jws', '000003/report.json', '000003/report.jws', '000003/report.copy']
    for (const file of files) {
      const whole = await readFile(join(folder, file))
      const spread = Array.from({ length: 12 }, (_, i) => Math.floor((whole.length - 1) * (i / 11)))
      const places = new Set([0, 1, 19, ...spread])
      if (file.endsWith('.jws') || file.endsWith('.copy')) for (let at = 150; at < 240; at += 7) places.add(at)
      for (const at of [...places].filter((place) => place < whole.length)) {
        await writeFile(join(folder, file), flipped(at)(whole))
        const fault = expect.objectContaining({ file, what: 'changed', byte: at })
        expect(await faultsIn(), `${file} at ${at}`).toEqual([fault])
      }
      await writeFile(join(folder, file), whole)
    }
    expect(await faultsIn()).toEqual([])
  })

  test('in a report and its copy alike leaves nothing that was signed', async () => {
    const { length } = await readFile(join(folder, '000002/report.jws'))
    await edit('000002/report.json', flipped(500))
    await edit('000002/report.copy', flipped(length + 500))
    expect(await faultsIn()).toEqual([expect.objectContaining({ file: '000002/report.json', what: 'unsigned' })])
  })
})

describe('a report that', () => {
  test('was truncated or got more bytes is named with the place', async () => {
    const own = ['report.json', 'report.jws', 'report.copy'].map((name) => `000002/${name}`)
    for (const file of [...own, 'head.jws', 'evidence-key.json']) {
      const whole = await readFile(join(folder, file))
      const named = (fault: object) => [expect.objectContaining({ file, ...fault })]
      await writeFile(join(folder, file), whole.subarray(0, whole.length - 7))
      expect(await faultsIn(), file).toEqual(named({ what: 'truncated', byte: whole.length - 7 }))
      await writeFile(join(folder, file), Buffer.concat([whole, Buffer.from(' ')]))
      expect(await faultsIn(), file).toEqual(named({ what: 'appended', byte: whole.length }))
      await writeFile(join(folder, file), '')
      expect(await faultsIn(), file).toEqual(named({ what: 'truncated', byte: 0 }))
      await rm(join(folder, file))
      expect(await faultsIn(), file).toEqual(named({ what: 'missing' }))
      await writeFile(join(folder, file), whole)
    }
  })

  test.each([1, 3, 5])('was deleted is named: %i', async (sequence) => {
    await rm(join(folder, `00000${sequence}`), { recursive: true })
    const file = `00000${sequence}/report.json`
    expect(await faultsIn()).toEqual([expect.objectContaining({ file, what: 'missing' })])
  })

  test('took the place of a deleted one is named, and so is the deleted one', async () => {
    await rm(join(folder, '000002'), { recursive: true })
    await rename(join(folder, '000003'), join(folder, '000002'))
    expect(await faultsIn()).toEqual([
      expect.objectContaining({ file: '000002/report.json', what: 'swapped', detail: 'holds report 3' }),
      expect.objectContaining({ file: '000002/report.json', what: 'missing' }),
    ])
  })

  test('changed places with another is named, by folder and by file', async () => {
    const swap = async (one: string, other: string) => {
      await rename(join(folder, one), join(folder, 'aside'))
      await rename(join(folder, other), join(folder, one))
      await rename(join(folder, 'aside'), join(folder, other))
    }
    const expected = [
      expect.objectContaining({ file: '000002/report.json', what: 'swapped', detail: 'holds report 3' }),
      expect.objectContaining({ file: '000003/report.json', what: 'swapped', detail: 'holds report 2' }),
    ]
    await swap('000002', '000003')
    expect(await faultsIn()).toEqual(expected)
    await swap('000002', '000003')
    await swap('000002/report.json', '000003/report.json')
    expect(await faultsIn()).toEqual(expected)
  })

  /** Replaces a report by one that is signed, with the files around it made to match. */
  const forge = async (name: string, part: Partial<EvidenceReport>, keyPath: string) => {
    const key = await openEvidenceKey(keyPath)
    const bytes = Buffer.from(`${canonicalJson({ ...await jsonOf(name), key: key.jwk, ...part })}\n`)
    const files = filesOf(await signDetached(bytes, key), bytes)
    for (const [ending, content] of Object.entries(files)) {
      await writeFile(join(folder, name, `report.${ending}`), content)
    }
    return key
  }

  test('was signed with another key is named, unless all were: then the key is', async () => {
    const other = join(home, 'other-key')
    const { fingerprint } = await forge('000003', {}, other)
    expect((await faultsIn())[0])
      .toMatchObject({ file: '000003/report.json', what: 'other-key', detail: expect.stringContaining(fingerprint) })
    const own = (await verifyReports(folder)).fingerprint
    for (const name of ['000001', '000002', '000004', '000005']) await forge(name, {}, other)
    expect((await faultsIn())[0]).toMatchObject({ file: 'evidence-key.json', what: 'changed' })
    await writeFile(join(folder, 'evidence-key.json'), publicKeyFile(await openEvidenceKey(other)))
    expect((await faultsIn({ fingerprint: own }))[0]).toMatchObject({ file: 'evidence-key.json', what: 'other-key' })
  })

  test('was made anew with the right key breaks the chain at its follower', async () => {
    await forge('000003', { codeVersion: '2' }, join(home, 'evidence-key'))
    expect(await faultsIn()).toEqual([expect.objectContaining({ file: '000004/report.json', what: 'chain-broken' })])
  })

  test('is of a newer format is signed and in its place, but not judged', async () => {
    await forge('000005', { format: 2 }, join(home, 'evidence-key'))
    expect(await faultsIn()).toEqual([
      expect.objectContaining({ file: '000005/report.json', what: 'version-unknown' }),
      expect.objectContaining({ file: 'head.jws', what: 'chain-broken' }),
    ])
  })
})

describe('the next report', () => {
  test('follows the one that was taken out of the folder, which stays missing', async () => {
    const aside = join(home, 'kept')
    await generate(aside)
    const head = await readFile(join(aside, 'head.jws'))
    await generate(aside)
    await rm(join(aside, '000002'), { recursive: true })
    await writeFile(join(aside, 'head.jws'), head)
    expect((await verifyReports(aside)).valid).toBe(true) // nothing here knows of report 2; the journal does
    const { report, warnings } = await generate(aside)
    expect([report.sequence, warnings]).toEqual([3, [expect.stringContaining('report 2 is missing')]])
    const { faults } = await verifyReports(aside)
    expect(faults).toEqual([expect.objectContaining({ file: '000002/report.json', what: 'missing' })])
  })

  test('takes a number of its own when several are made at once', async () => {
    const busy = join(home, 'busy')
    await generate(busy)
    const made = await Promise.all(Array.from({ length: 4 }, () => generate(busy)))
    expect(made.map(({ report }) => report.sequence).sort()).toEqual([2, 3, 4, 5])
    expect(await verifyReports(busy)).toMatchObject({ valid: true, faults: [] })
  })

  test('is refused where another key signed', async () => {
    const options = { folder, keyPath: join(home, 'third-key'), codeVersion: '1', settings: {} }
    await expect(generateReport(spine.needs, options)).rejects.toMatchObject({ code: 'USAGE_INVALID' })
  })
})

test('one key pair is made, for its owner alone, however many ask at once', async () => {
  const path = join(folder, 'new/evidence-key')
  const keys = await Promise.all(Array.from({ length: 5 }, () => openEvidenceKey(path)))
  expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'new'))).toEqual(['evidence-key'])
})
