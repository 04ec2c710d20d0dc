import { CompactSign, compactVerify } from 'jose'
import { canonicalJson } from './canonical-json.ts'
import type { EvidenceKey, PublicKey } from './evidence-key.ts'

const DETACHED = /^([\w-]+)\.\.([\w-]+)$/

/** The detached JWS of bytes (RFC 7515, appendix F): compact form, EdDSA over Ed25519, its payload left out. */
export async function signDetached(bytes: Uint8Array, key: EvidenceKey): Promise<string> {
  const jws = await new CompactSign(bytes).setProtectedHeader(headerOf(key.fingerprint)).sign(key.privateKey)
  const [header, , signature] = jws.split('.')
  return `${header}..${signature}`
}

/**
 * Whether a detached JWS is what `key` signed for these bytes. Only the one text that {@link signDetached} writes is:
 * base64url has spare bits and JSON has white space, and a byte changed there is a change as well.
 */
export async function isSignedBy(key: PublicKey, jws: string, bytes: Uint8Array): Promise<boolean> {
  const [, header, signature] = DETACHED.exec(jws) ?? []
  if (!header || !signature || header !== base64url(canonicalJson(headerOf(key.fingerprint)))) return false
  if (base64url(Buffer.from(signature, 'base64url')) !== signature) return false
  try {
    await compactVerify(`${header}.${base64url(bytes)}.${signature}`, key.key, { algorithms: ['EdDSA'] })
    return true
  } catch {
    return false
  }
}

/** In canonical order, which jose keeps. */
function headerOf(fingerprint: string): { alg: 'EdDSA'; kid: string; typ: string } {
  return { alg: 'EdDSA', kid: fingerprint, typ: 'tallyfleet-evidence' }
}

function base64url(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as Uint8Array).toString('base64url')
}
