import { isSignedBy } from './detached-signature.ts'
import type { EvidenceFault } from './evidence-fault.ts'
import { readPublicKey, type PublicKey } from './evidence-key.ts'
import { findChange } from './find-change.ts'
import { sha256Of, type EvidenceReport } from './generate-report.ts'
import { REPORT_FILE, SIGNATURE_FILE, type ReportFiles } from './report-folder.ts'

/** A report's files, and what in them was signed. */
export type Checked = {
  files: ReportFiles
  signed?: { jws: string; json: Buffer; sha256: string; report: EvidenceReport }
  signer?: PublicKey
}

/** The key that a report names and that signed it. Says nothing about whose key that is. */
export async function findSigner(files: ReportFiles): Promise<PublicKey | undefined> {
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
  if (jws) {
    for (const length of [jws.length, jws.length - 1, lineLengthOf(jws)]) found.add(jws.toString('latin1', 0, length))
  }
  if (copy) found.add(copy.toString('latin1', 0, lineLengthOf(copy)))
  return found
}

function lineLengthOf(bytes: Buffer): number {
  const at = bytes.indexOf('\n')
  return at < 0 ? bytes.length : at
}

export async function findSigned(one: Checked, key: PublicKey | undefined, faults: EvidenceFault[]): Promise<void> {
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
    const byte = json && copy && findChange(copy, json)?.byte
    faults.push({
      file, what: 'unsigned',
      detail: 'neither the report nor its copy is what was signed'
        + (byte === undefined ? '' : `; the two differ from byte ${byte} on`),
    })
  }
}

/** The JSON in bytes; undefined when it is none. */
export function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}
