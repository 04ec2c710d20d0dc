import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey } from 'jose'
import { canonicalJson } from './canonical-json.ts'

/** An Ed25519 public key as a JWK, without anything else. */
export type PublicJwk = { crv: 'Ed25519'; kty: 'OKP'; x: string }

/** A key that can check; `fingerprint` is its JWK thumbprint (RFC 7638, SHA-256, base64url). */
export type PublicKey = { jwk: PublicJwk; fingerprint: string; key: CryptoKey }

/** A key that can sign as well. */
export type EvidenceKey = PublicKey & { privateKey: CryptoKey }

/**
 * The key pair in a file, made when there is none: of any number of processes that come at once, one makes it and the
 * others read it. The file is its owner's alone. Rejects with `CONFIG_INVALID` when it holds something else.
 */
export async function openEvidenceKey(path: string): Promise<EvidenceKey> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  }) ?? await makeKeyFile(path)
  try {
    const { crv, kty, x, d } = JSON.parse(text) as PublicJwk & { d: string }
    const publicKey = await readPublicKey({ crv, kty, x })
    if (!publicKey) throw new TypeError('no Ed25519 key')
    return { ...publicKey, privateKey: await importJWK({ crv, kty, x, d }, 'EdDSA') as CryptoKey }
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `${path} holds no evidence key; restore it, or move it away and start a new `
      + 'folder of reports', { cause })
  }
}

async function makeKeyFile(path: string): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const part = `${path}.${randomUUID()}.tmp`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(part, `${canonicalJson(await exportJWK(privateKey))}\n`, { mode: 0o600, flush: true })
  try {
    await link(part, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(part)
  }
  return await readFile(path, 'utf8')
}

/** The key of a parsed JWK; undefined when it is none of ours. */
export async function readPublicKey(value: unknown): Promise<PublicKey | undefined> {
  const { kty, crv, x } = (value ?? {}) as Partial<PublicJwk>
  if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string') return undefined
  const jwk: PublicJwk = { crv, kty, x }
  try {
    return { jwk, fingerprint: await calculateJwkThumbprint(jwk), key: await importJWK(jwk, 'EdDSA') as CryptoKey }
  } catch {
    return undefined
  }
}

/** The bytes of a public key's file. */
export function publicKeyFile({ jwk }: Pick<PublicKey, 'jwk'>): Buffer {
  return Buffer.from(`${canonicalJson(jwk)}\n`)
}
