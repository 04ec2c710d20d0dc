import { hash, randomBytes } from 'node:crypto'

/** 256 random bits as text that fits a URL, a header and a cookie. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a secret: SHA-256 in hex. The secret has 256 random bits, so a slow hash would add nothing. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret)
}
