import { randomBytes } from 'node:crypto'

/** A name nobody else has, fit for a database, an index or a key prefix of every server: lower case, at most 63 long. */
export function freshName(prefix: string): string {
  return `${prefix.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_').slice(0, 40)}_${randomBytes(8).toString('hex')}`
}
