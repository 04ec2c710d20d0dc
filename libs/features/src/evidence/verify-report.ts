import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { checkChain } from './check-chain.ts'
import { chooseKey } from './choose-key.ts'
import type { EvidenceFault } from './evidence-fault.ts'
import type { PublicKey } from './evidence-key.ts'
import { findChange } from './find-change.ts'
import { findSigned, type Checked } from './find-signed.ts'
import { sha256Of } from './generate-report.ts'
import {
  COPY_FILE, filesOf, HEAD_FILE, KEY_FILE, listReportNames, readBytes, readHead, readReportFiles, REPORT_FILE,
  SIGNATURE_FILE,
} from './report-folder.ts'

export type VerifiedReport = {
  /** The name of its folder. */
  name: string
  sequence: number | null
  sha256: string | null
  generatedAt: string | null
  /** No fault in its own files or its place in the chain. */
  verified: boolean
}

export type Verification = {
  valid: boolean
  /** The key that the reports were checked with; undefined when there is none. */
  fingerprint: string | undefined
  /** False: the key stood beside the reports, so somebody who replaced all of it would not be noticed. */
  pinned: boolean
  /** Lowest number first. */
  reports: VerifiedReport[]
  faults: EvidenceFault[]
}

export type VerifyOptions = {
  /** The fingerprint that the signing key must have; undefined: the key beside the reports. */
  fingerprint?: string
  /** Only so many of the newest reports of a folder; the gaps before them are not looked for. */
  newest?: number
}

/**
 * Checks a folder of reports, or one report (its folder or one of its files), with what stands there and nothing else:
 * no store, no network. A file that differs from what was signed is named with its first changed byte.
 * A newest report that was deleted is missed by the head; one that was deleted together with the head's change is
 * noticed only when the next report is made. Rejects with `RECORD_UNKNOWN` when there is nothing to verify.
 */
export async function verifyReports(path: string, { fingerprint, newest }: VerifyOptions = {}): Promise<Verification> {
  const place = await locate(path)
  const names = place.only ? [place.only]
    : (await listReportNames(place.folder)).slice(newest === undefined ? 0 : -newest - 1)
  const before = newest !== undefined && names.length > newest ? names[0] : undefined
  const keyBytes = await readBytes(join(place.folder, KEY_FILE))
  const headBytes = place.only ? undefined : await readBytes(join(place.folder, HEAD_FILE))
  if (names.length === 0 && !keyBytes && !headBytes) {
    throw new AppError('RECORD_UNKNOWN', `no reports in ${place.folder}`)
  }

  const faults: EvidenceFault[] = []
  const all: Checked[] = []
  for (const name of names) {
    const inside = place.only && !place.named ? place.path : join(place.folder, name)
    all.push({ files: await readReportFiles(inside, name) })
  }
  const key = await chooseKey(all, keyBytes, fingerprint, faults)
  if (!place.only && key && !keyBytes) {
    faults.push({ file: KEY_FILE, what: 'missing', detail: `it held ${key.fingerprint}` })
  }
  for (const one of all) await findSigned(one, key, faults)
  const head = headBytes && key && await readHead(headBytes, key)
  if (!place.only) checkHead(head, headBytes, key, faults)
  checkFiles(all, faults)
  checkChain(all, head?.head, { alone: place.only !== undefined, named: place.named, newest }, faults)

  const kept = faults.filter(({ file }) => before === undefined || !file.startsWith(`${before}/`))
  const shown = all.filter(({ files }) => files.name !== before)
  const reports = shown.map(({ files: { name }, signed }): VerifiedReport => ({
    name, sequence: signed?.report.sequence ?? null, sha256: signed?.sha256 ?? null,
    generatedAt: signed?.report.generatedAt ?? null, verified: !kept.some(({ file }) => file.startsWith(`${name}/`)),
  }))
  return {
    valid: kept.length === 0, fingerprint: key?.fingerprint, pinned: fingerprint !== undefined, reports, faults: kept,
  }
}

/** What a path means: a folder of reports, or one report. `named`: its folder has a report's name. */
async function locate(path: string): Promise<{ folder: string; path: string; only?: string; named: boolean }> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new AppError('RECORD_UNKNOWN', `there is nothing at ${path}`)
  const isChainFile = [KEY_FILE, HEAD_FILE].includes(basename(path))
  const inside = found.isDirectory() ? path : dirname(path)
  if (isChainFile) return { folder: inside, path: inside, named: true }
  const named = /^\d{6,15}$/.test(basename(inside))
  if (!found.isDirectory() || named) {
    return { folder: named ? dirname(inside) : inside, path: inside, only: basename(inside), named }
  }
  return { folder: inside, path: inside, named: true }
}

/** Every file of a report against what was signed. */
function checkFiles(all: Checked[], faults: EvidenceFault[]): void {
  const bySha = new Map(all.flatMap(({ signed }) => (signed ? [[signed.sha256, signed.report.sequence] as const] : [])))
  for (const { files, signed } of all) {
    if (!signed) continue
    const expected = filesOf(signed.jws, signed.json)
    for (const [part, name] of [['json', REPORT_FILE], ['jws', SIGNATURE_FILE], ['copy', COPY_FILE]] as const) {
      const file = `${files.name}/${name}`
      const bytes = files[part]
      if (!bytes) {
        faults.push({ file, what: 'missing', detail: 'the file is not there' })
        continue
      }
      const change = findChange(expected[part], bytes)
      const other = change && part === 'json' ? bySha.get(sha256Of(bytes)) : undefined
      if (other !== undefined) faults.push({ file, what: 'swapped', detail: `holds report ${other}` })
      else if (change) faults.push({ file, ...change })
    }
  }
}

function checkHead(
  read: Awaited<ReturnType<typeof readHead>>, bytes: Buffer | undefined, key: PublicKey | undefined,
  faults: EvidenceFault[],
): void {
  if (!bytes) {
    faults.push({ file: HEAD_FILE, what: 'missing', detail: 'it says how many reports there are' })
  } else if (read || bytes.length === 0) {
    const change = findChange(read?.expected ?? Buffer.of(0), bytes)
    if (change) faults.push({ file: HEAD_FILE, ...change })
  } else if (key) {
    faults.push({ file: HEAD_FILE, what: 'unsigned', detail: `no line of it was signed with ${key.fingerprint}` })
  }
}
