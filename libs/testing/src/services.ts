import { describe, inject, it } from 'vitest'
import { type ServerKind } from './server-kinds.ts'

/**
 * The shared server of a kind, or why there is none. Take a database, index or key prefix of your own (`freshName`).
 * With `CI=true` a server that should be there and is not is an error.
 */
export function testServer(kind: ServerKind): { url: string } | { skip: string } {
  const server = inject('testServers')[kind]
  if (!server) throw new Error(`no test file of this run names '${kind}' in quotes, so it was not started`)
  if ('skip' in server && server.missing && process.env['CI'] === 'true') throw new Error(server.skip)
  return server
}

/** `describe` with the URL of a server, or a skipped test that says why. */
export function describeWithServer(kind: ServerKind, title: string, suite: (url: string) => void): void {
  const server = testServer(kind)
  if ('url' in server) describe(title, () => suite(server.url))
  else describe(title, () => it.skip(server.skip, () => {}))
}
