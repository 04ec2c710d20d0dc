import { createHash, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, type Packs } from '@tallyfleet/domain'
import type {
  CatalogStore, Clock, HotStore, Journal, Manifest, RollupStore, SegmentStore,
} from '@tallyfleet/ports'
import { readLedger, type LedgerAnswer } from '../ledger/read-ledger.ts'
import { checkParity, type ParityRun } from '../parity/check-parity.ts'
import { canonicalJson } from './canonical-json.ts'
import { countTotals, type EvidenceTotal } from './count-totals.ts'
import { signDetached } from './detached-signature.ts'
import { openEvidenceKey, publicKeyFile, type EvidenceKey, type PublicJwk } from './evidence-key.ts'
import {
  folderNameOf, HEAD_FILE, KEY_FILE, listReportNames, putFile, putReport, readBytes, readHead, REPORT_FILE, signHead,
  type Head,
} from './report-folder.ts'

/** The format that this version writes, and the highest that it understands. */
export const REPORT_FORMAT = 1

export type GenerateReportNeeds = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; journal: Journal
  packs: Packs; clock: Clock
}

/** The highest manifest of a shard. */
export type EvidenceBatch = Pick<Manifest, 'shard' | 'n' | 'kind' | 'checksum' | 'running' | 'state' | 'jobId'> & {
  createdAt: string; doneAt: string | null
}

/** What a report says. The first six fields stay in every format to come, so that a chain can be followed. */
export type EvidenceReport = {
  format: number
  /** Which folder it was made for: drawn with the first report of a folder. */
  chain: string
  /** 1 for the first report of a chain. */
  sequence: number
  /** SHA-256, in hex, over the bytes of the report before; null for the first. */
  previous: string | null
  key: PublicJwk
  generatedAt: string
  codeVersion: string
  /** SHA-256, in hex, over the canonical JSON of the public settings. */
  configSha256: string
  /** Whether no batch and no catalog row moved while the stores were read. */
  quiet: boolean
  totals: EvidenceTotal[]
  ledger: LedgerAnswer
  parity: ParityRun
  batches: EvidenceBatch[]
}

export type GeneratedReport = {
  report: EvidenceReport
  /** The report's file. */
  path: string
  sha256: string
  /** Fingerprint of the key that signed it. */
  fingerprint: string
  /** What was found wrong with the folder: the report is written all the same. */
  warnings: string[]
}

export type GenerateReportOptions = {
  /** Where reports go; made when it is not there. */
  folder: string
  /** The file of the signing key; made when it is not there. */
  keyPath: string
  codeVersion: string
  /** The settings that are no secret. */
  settings: Record<string, unknown>
  signal?: AbortSignal
}

/**
 * Writes down what every store shows, signs it, and chains it to the report before. A report is written also when the
 * stores differ: then it is the evidence of that. Rejects with `USAGE_INVALID` when the folder's reports were signed
 * with another key.
 */
export async function generateReport(
  needs: GenerateReportNeeds, { folder, keyPath, codeVersion, settings, signal }: GenerateReportOptions,
): Promise<GeneratedReport> {
  const key = await openEvidenceKey(keyPath)
  const head = await openFolder(folder, key)
  const before = await marksOf(needs)
  const batches = (await needs.rollups.listLatestManifests()).map(batchOf).sort((a, b) => a.shard - b.shard)
  const totals = await countTotals(needs, signal)
  const ledger = await readLedger({}, needs)
  const parity = await checkParity(needs, signal ? { signal } : {})
  const found = {
    codeVersion, configSha256: sha256Of(canonicalJson(settings)), quiet: before === await marksOf(needs),
    totals, ledger, parity, batches,
  }
  for (;;) {
    signal?.throwIfAborted()
    const { last, warnings } = await findLast(folder, head, key, needs)
    const report: EvidenceReport = {
      format: REPORT_FORMAT, chain: head.chain, sequence: last.sequence + 1, previous: last.sha256, key: key.jwk,
      generatedAt: needs.clock.now().toISOString(), ...found,
    }
    const bytes = Buffer.from(`${canonicalJson(report)}\n`)
    const sha256 = sha256Of(bytes)
    const written = await putReport(folder, report.sequence, await signDetached(bytes, key), bytes)
    if (!written) continue // somebody else was faster
    const next: Head = { chain: head.chain, sequence: report.sequence, sha256 }
    await raiseHead(folder, next, key, needs)
    const path = join(folder, folderNameOf(report.sequence), REPORT_FILE)
    return { report, path, sha256, fingerprint: key.fingerprint, warnings }
  }
}

/** Never lowers it: somebody may have written the next report meanwhile. */
async function raiseHead(
  folder: string, next: Head, key: EvidenceKey, { journal }: GenerateReportNeeds,
): Promise<void> {
  const bytes = await readBytes(join(folder, HEAD_FILE))
  const stands = bytes && (await readHead(bytes, key))?.head
  if (stands && stands.sequence > next.sequence) return
  await putFile(folder, HEAD_FILE, await signHead(next, key))
  await journal.put('evidence', next.chain, next)
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Makes the folder ready for this key: public key and head stand there before the first report does. */
async function openFolder(folder: string, key: EvidenceKey): Promise<Head> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const kept = await readBytes(join(folder, KEY_FILE))
  if (kept && !kept.equals(publicKeyFile(key))) {
    throw new AppError('USAGE_INVALID', `the reports in ${folder} are not of the key ${key.fingerprint}, or `
      + `${KEY_FILE} was changed: see fleet report verify, or choose another folder`)
  }
  const bytes = await readBytes(join(folder, HEAD_FILE))
  const known = bytes && await readHead(bytes, key)
  if (known) return known.head
  if ((await listReportNames(folder)).length > 0 || (bytes && bytes.length > 0)) {
    throw new AppError('USAGE_INVALID', `${HEAD_FILE} in ${folder} is missing or was changed: see fleet report verify, `
      + 'or choose another folder')
  }
  const head: Head = { chain: randomUUID(), sequence: 0, sha256: null }
  await putFile(folder, KEY_FILE, publicKeyFile(key))
  await putFile(folder, HEAD_FILE, await signHead(head, key))
  return head
}

/**
 * The report that the next one follows: the newest that the journal, the head or the folder knows. A report that was
 * taken out of the folder is still followed, so that it stays missing.
 */
async function findLast(
  folder: string, { chain }: Head, key: EvidenceKey, { journal }: GenerateReportNeeds,
): Promise<{ last: Omit<Head, 'chain'>; warnings: string[] }> {
  const name = (await listReportNames(folder)).at(-1)
  const bytes = name && await readBytes(join(folder, name, REPORT_FILE))
  const inFolder = { sequence: Number(name ?? 0), sha256: bytes ? sha256Of(bytes) : null }
  const headBytes = await readBytes(join(folder, HEAD_FILE))
  const candidates = [
    await journal.find('evidence', chain) as Head | undefined,
    headBytes && (await readHead(headBytes, key))?.head,
    inFolder,
  ]
  const last = candidates.reduce((best, one) => (one && one.sequence > (best?.sequence ?? -1) ? one : best))!
  const warnings: string[] = []
  if (last.sequence > inFolder.sequence) warnings.push(`report ${last.sequence} is missing from ${folder}`)
  else if (last.sha256 !== inFolder.sha256) warnings.push(`report ${last.sequence} in ${folder} was changed`)
  return { last, warnings }
}

/** Changes whenever a batch, a row or a document was written. */
async function marksOf({ rollups, catalog, segments }: GenerateReportNeeds): Promise<string> {
  const manifests = (await rollups.listLatestManifests()).map(({ shard, n, state }) => [shard, n, state] as const)
  const [revisions, marks] = [await catalog.listRevisions(), await segments.listMarks()]
  return JSON.stringify([manifests, revisions, marks].map((entries) => [...entries].sort((a, b) => a[0] - b[0])))
}

function batchOf({ shard, n, kind, checksum, running, state, jobId, createdAt, doneAt }: Manifest): EvidenceBatch {
  return {
    shard, n, kind, checksum, running, state, jobId,
    createdAt: createdAt.toISOString(), doneAt: doneAt?.toISOString() ?? null,
  }
}
