import { AppError } from '@tallyfleet/domain'
import { isRevoked, type AccountStore, type Clock, type LiveExchange } from '@tallyfleet/ports'
import { hashSecret, randomSecret } from '../accounts/secrets.ts'

export const TICKET_SECONDS = 30

/** Who may watch what, and the hash of the secret that says so: of a key, or of a login session. */
export type LiveTicket = { tenant: string; credential: { kind: 'key' | 'session'; hash: string } }

/**
 * A ticket that opens one socket within 30 s. A browser can send no header with a socket, and a cookie alone would let
 * any site open one: the ticket is asked for by a request that is checked like all others.
 */
export async function createLiveTicket(
  { tenant, kind, secret }: { tenant: string; kind: 'key' | 'session'; secret: string }, { exchange }: { exchange: LiveExchange },
): Promise<string> {
  const ticket = randomSecret()
  const body: LiveTicket = { tenant, credential: { kind, hash: hashSecret(secret) } }
  await exchange.putTicket(hashSecret(ticket), body, TICKET_SECONDS)
  return ticket
}

/** Uses a ticket up. Rejects with `TICKET_UNKNOWN` for every caller but the first, and after 30 s. */
export async function claimLiveTicket(ticket: string, { exchange }: { exchange: LiveExchange }): Promise<LiveTicket> {
  const body = await exchange.claimTicket(hashSecret(ticket)) as LiveTicket | undefined
  if (!body) throw new AppError('TICKET_UNKNOWN', 'the ticket is used up or too old: ask for another one')
  return body
}

/** Whether the key or session behind a ticket still works. */
export async function isCredentialValid(
  { credential: { kind, hash } }: LiveTicket, { accounts, clock }: { accounts: AccountStore; clock: Clock },
): Promise<boolean> {
  if (kind === 'key') {
    const key = await accounts.findKeyByHash(hash)
    return key !== undefined && !isRevoked(key, clock.now())
  }
  const session = await accounts.findSession(hash)
  return session?.kind === 'session' && session.expiresAt > clock.now()
}
