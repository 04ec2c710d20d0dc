import type { EvidenceFault } from './evidence-fault.ts'
import { publicKeyFile, readPublicKey, type PublicKey } from './evidence-key.ts'
import { findChange } from './find-change.ts'
import { findSigner, parse, type Checked } from './find-signed.ts'
import { KEY_FILE } from './report-folder.ts'

/**
 * The key that counts: the pinned one, or the one beside the reports. Where the key beside them signed none of the
 * reports, but one single other key signed all, the key's file is at fault, and the reports are checked with theirs.
 */
export async function chooseKey(
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
      detail: `no report here is signed with ${fingerprint}, but with ${[...signers.keys()].join(', ') || 'none'}`,
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
