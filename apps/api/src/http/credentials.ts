import type { IncomingMessage } from 'node:http'
import { AppError } from '@tallyfleet/domain'

/**
 * The secret that a request carries: `Authorization: Bearer`, else `X-API-Key`, else, where `allowsBeacon`, the
 * parameter `key`, which only publishable keys may use, because addresses end up in logs. Throws `KEY_MISSING`.
 */
export function secretOf(request: IncomingMessage, allowsBeacon: boolean): string {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (bearer) return bearer
  const header = request.headers['x-api-key']
  if (typeof header === 'string' && header !== '') return header
  const url = request.url ?? ''
  const start = url.indexOf('?')
  const parameter = start < 0 ? null : new URLSearchParams(url.slice(start)).get('key')
  if (!parameter) throw new AppError('KEY_MISSING', 'no API key was sent')
  if (!allowsBeacon || !parameter.startsWith('tf_pk_')) {
    throw new AppError('KEY_MISSING', 'only a publishable key may stand in an address, and only to send events')
  }
  return parameter
}

/** Whether a request carries the secret of a key, right or wrong, in a header. */
export function hasSecret({ headers }: IncomingMessage): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined
}
