import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { isSignedBy } from './detached-signature.ts'
import { publicKeyFile, readPublicKey, type PublicKey } from './evidence-key.ts'
import { findChange, type Change } from './find-change.ts'
import { REPORT_FORMAT, sha256Of, type EvidenceReport } from './generate-report.ts'
import {
  COPY_FILE, filesOf, folderNameOf, HEAD_FILE, KEY_FILE, listReportNames, readBytes, readHead, readReportFiles,
  REPORT_FILE, SIGNATURE_FILE, type Head, type ReportFiles,
} from './report-folder.ts'

/**
 * What is wrong with a file:
 * - `changed`, `truncated`, `appended`: other bytes than were signed; `byte` is the first that differs, from 0
 * - `missing`: a file, or a report that the chain or the head knows, is not there
 * - `swapped`: a report stands under another one's name
 * - `other-key`: signed, but not with the key that counts
 * - `unsigned`: nothing that was signed is left, neither the report nor its copy
 * - `chain-broken`: signed, but it does not follow the report before it, or belongs to another folder
 * - `version-unknown`: signed, but of a format that this version cannot judge
 */
export type EvidenceFault = {
  /** From the folder, as `000003/report.json`. */
  file: string
  what: Change['what'] | 'missing' | 'swapped' | 'other-key' | 'unsigned' | 'chain-broken' | 'version-unknown'
  byte?: number
  detail: string
}

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

/** A report's files, and what in them was signed. */
type Checked = {
  files: ReportFiles
  signed?: { jws: string; json: Buffer; sha256: string; report: EvidenceReport }
  signer?: PublicKey
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
  if (names.length === 0 && !keyBytes && !headBytes) throw new AppError('RECORD_UNKNOWN', `no reports in ${place.folder}`)

  const faults: EvidenceFault[] = []
  const all: Checked[] = []
  for (const name of names) {
    const inside = place.only && !place.named ? place.path : join(place.folder, name)
    all.push({ files: await readReportFiles(inside, name) })
  }
  const key = await chooseKey(all, keyBytes, fingerprint, faults)
  if (!place.only && key && !keyBytes) faults.push({ file: KEY_FILE, what: 'missing', detail: `it held ${key.fingerprint}` })
  for (const one of all) await findSigned(one, key, faults)
  const head = headBytes && key && await readHead(headBytes, key)
  if (!place.only) checkHead(head, headBytes, key, faults)
  checkFiles(all, faults)
  checkChain(all, head?.head, { alone: place.only !== undefined, named: place.named, newest }, faults)

  const kept = faults.filter(({ file }) => before === undefined || !file.startsWith(`${before}/`))
  const reports = all.filter(({ files }) => files.name !== before).map(({ files: { name }, signed }): VerifiedReport => ({
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

/**
 * The key that counts: the pinned one, or the one beside the reports. Where the key beside them signed none of the
 * reports, but one single other key signed all, the key's file is at fault, and the reports are checked with theirs.
 */
async function chooseKey(
  all: Checked[], keyBytes: Buffer | undefined, fingerprint: string | undefined, faults: EvidenceFault[],
): Promise<PublicKey | undefined> {
  const beside = keyBytes && await readPublicKey(parse(keyBytes))
  const signers = new Map<string, PublicKey>()
  for (const one of all) {
    one.signer = await findSigner(one.files)
    if (one.signer) signers.set(one.signer.fingerprint, one.signer)
  }
  const own = signers.size === 1 ? [...signers.values()][0] : undefined
  const keys = [...(beside ? [beside] : []), ...signers.values()]
  const chosen = fingerprint !== undefined ? keys.find((key) => key.fingerprint === fingerprint)
    : beside && signers.has(beside.fingerprint) ? beside : own ?? beside
  if (fingerprint !== undefined && !chosen) {
    faults.push({
      file: KEY_FILE, what: 'other-key',
      detail: `no report here is signed with the key ${fingerprint}, but with ${[...signers.keys()].join(', ') || 'none'}`,
    })
  }
  if (!chosen) {
    if (fingerprint === undefined) {
      faults.push({ file: KEY_FILE, what: keyBytes ? 'changed' : 'missing', detail: 'no key to check with' })
    }
    return fingerprint === undefined ? undefined : beside ?? own
  }
  const change = keyBytes && findChange(publicKeyFile(chosen), keyBytes)
  if (change) {
    faults.push({
      file: KEY_FILE, ...change,
      detail: `${change.detail}: the reports are signed with ${chosen.fingerprint}, `
        + 'so this key or all the reports were replaced',
    })
  }
  return chosen
}

/** The key that a report names and that signed it. Says nothing about whose key that is. */
async function findSigner(files: ReportFiles): Promise<PublicKey | undefined> {
  for (const json of jsonsOf(files)) {
    const key = await readPublicKey((parse(json) as Partial<EvidenceReport> | undefined)?.key)
    if (key && await signedIn(files, key)) return key
  }
  return undefined
}

/** The signature and the report that belong together, wherever in the files each of them is still whole. */
async function signedIn(files: ReportFiles, key: PublicKey): Promise<{ jws: string; json: Buffer } | undefined> {
  for (const json of jsonsOf(files)) {
    for (const jws of signaturesOf(files)) if (await isSignedBy(key, jws, json)) return { jws, json }
  }
  return undefined
}

function jsonsOf({ json, copy }: ReportFiles): Buffer[] {
  const jsons = json ? [json] : []
  const second = copy?.subarray(lineLengthOf(copy) + 1)
  if (second && second.length > 0 && !json?.equals(second)) jsons.push(second)
  return jsons
}

function signaturesOf({ jws, copy }: ReportFiles): Set<string> {
  const found = new Set<string>()
  // Without its last byte, whatever that is: the signature itself may be whole although the line feed is not.
  for (const length of jws ? [jws.length, jws.length - 1, lineLengthOf(jws)] : []) found.add(jws!.toString('latin1', 0, length))
  if (copy) found.add(copy.toString('latin1', 0, lineLengthOf(copy)))
  return found
}

function lineLengthOf(bytes: Buffer): number {
  const at = bytes.indexOf('\n')
  return at < 0 ? bytes.length : at
}

async function findSigned(one: Checked, key: PublicKey | undefined, faults: EvidenceFault[]): Promise<void> {
  const signed = key && await signedIn(one.files, key)
  const file = `${one.files.name}/${REPORT_FILE}`
  if (signed) {
    one.signed = { ...signed, sha256: sha256Of(signed.json), report: parse(signed.json) as EvidenceReport }
  } else if (one.signer && one.signer.fingerprint !== key?.fingerprint) {
    const detail = `is signed with the key ${one.signer.fingerprint}, not with ${key?.fingerprint}`
    faults.push({ file, what: 'other-key', detail })
  } else if (!one.files.json && !one.files.copy) {
    faults.push({ file, what: 'missing', detail: 'neither the report nor its copy is there' })
  } else if (!one.files.jws && !one.files.copy) {
    faults.push({ file: `${one.files.name}/${SIGNATURE_FILE}`, what: 'missing', detail: 'the report has no signature' })
  } else {
    const [json, copy] = [one.files.json, jsonsOf({ ...one.files, json: undefined })[0]]
    const apart = json && copy && findChange(copy, json)
    faults.push({
      file, what: 'unsigned',
      detail: `neither the report nor its copy is what was signed${apart ? `; the two differ from byte ${apart.byte} on` : ''}`,
    })
  }
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
      if (other !== undefined) faults.push({ file, what: 'swapped', detail: `holds report ${other}`, byte: change!.byte })
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
    faults.push({ file: HEAD_FILE, what: 'unsigned', detail: `no line of it is what the key ${key.fingerprint} signed` })
  }
}

/** Whether the reports follow each other, from the first to the one that the head names. */
function checkChain(
  all: Checked[], head: Head | undefined,
  { alone, named, newest }: { alone: boolean; named: boolean; newest: number | undefined }, faults: EvidenceFault[],
): void {
  const bySequence = new Map<number, Checked>()
  for (const one of all) {
    const { files: { name }, signed } = one
    if (!signed) continue
    const file = `${name}/${REPORT_FILE}`
    const { sequence, chain, format } = signed.report
    if (format !== REPORT_FORMAT) {
      faults.push({ file, what: 'version-unknown', detail: `is of format ${format}; this version knows ${REPORT_FORMAT}` })
    }
    if (head && chain !== head.chain) faults.push({ file, what: 'chain-broken', detail: 'is a report of another folder' })
    else if (named && name !== folderNameOf(sequence)) faults.push({ file, what: 'swapped', detail: `holds report ${sequence}` })
    const known = bySequence.get(sequence)
    if (!known || known.files.name !== folderNameOf(sequence)) bySequence.set(sequence, one)
  }
  if (alone) return
  const unknown = new Set(all.filter(({ signed }) => !signed).map(({ files }) => files.name)) // named already
  const last = Math.max(head?.sequence ?? 0, ...bySequence.keys(), 0)
  const first = newest === undefined ? 1 : Math.max(1, last - newest + 1)
  for (let sequence = first; sequence <= last; sequence++) {
    const one = bySequence.get(sequence)
    const file = `${folderNameOf(sequence)}/${REPORT_FILE}`
    if (!one) {
      if (!unknown.has(folderNameOf(sequence))) faults.push({ file, what: 'missing', detail: `report ${sequence} was deleted` })
      continue
    }
    const previous = bySequence.get(sequence - 1)?.signed?.sha256 ?? (sequence === 1 ? null : undefined)
    if (previous !== undefined && one.signed!.report.previous !== previous) {
      const detail = `does not follow the report ${sequence - 1} that is here`
      faults.push({ file: `${one.files.name}/${REPORT_FILE}`, what: 'chain-broken', detail })
    }
  }
  const newestOne = head && bySequence.get(head.sequence)?.signed
  if (newestOne && newestOne.sha256 !== head.sha256) {
    const detail = `names another report ${head.sequence} than the one that is here`
    faults.push({ file: HEAD_FILE, what: 'chain-broken', detail })
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
