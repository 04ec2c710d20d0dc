import { AppError } from '@tallyfleet/domain'
import type { AccountStore, Clock, User } from '@tallyfleet/ports'
import { hashSecret, randomSecret } from './secrets.ts'
import { ensureUser } from './users.ts'

type Needs = { accounts: AccountStore; clock: Clock }

export const SESSION_SECONDS = 12 * 3_600
const LINK_SECONDS = 24 * 3_600

/**
 * Makes a link token for the first login of an administrator: it works once, for a day.
 * The page is `/login/link/<token>`.
 */
export async function createLoginLink(needs: Needs, name = 'admin'): Promise<string> {
  const user = await ensureUser(name, 'admin', needs)
  return issue(user, 'link', LINK_SECONDS, needs)
}

/** Uses up a link and answers its user. Rejects with `LOGIN_FAILED` for every caller but the first. */
export async function claimLoginLink(token: string, { accounts, clock }: Needs): Promise<User> {
  const hash = hashSecret(token)
  const link = await accounts.findSession(hash)
  // A session's token must not be used up here: only what is known to be a link is claimed.
  const claimed = link?.kind === 'link' ? await accounts.claimSession(hash) : undefined
  const user = claimed && claimed.expiresAt > clock.now() ? await accounts.findUserById(claimed.userId) : undefined
  if (!user) throw new AppError('LOGIN_FAILED', 'the link is used up or too old')
  return user
}

/** Makes a session and answers its token, for the cookie. */
export async function startSession(user: User, needs: Needs): Promise<string> {
  await needs.accounts.deleteSessionsBefore(needs.clock.now())
  return issue(user, 'session', SESSION_SECONDS, needs)
}

/** The user of a session token; undefined when it is unknown or over. */
export async function findSessionUser(token: string, { accounts, clock }: Needs): Promise<User | undefined> {
  const session = await accounts.findSession(hashSecret(token))
  if (session?.kind !== 'session' || session.expiresAt <= clock.now()) return undefined
  return accounts.findUserById(session.userId)
}

/** Ends a session; one that is over already is fine. */
export async function endSession(token: string, { accounts }: Needs): Promise<void> {
  await accounts.claimSession(hashSecret(token))
}

async function issue(user: User, kind: 'session' | 'link', seconds: number, { accounts, clock }: Needs): Promise<string> {
  const token = randomSecret()
  const expiresAt = new Date(clock.now().getTime() + seconds * 1_000)
  await accounts.putSession({ tokenHash: hashSecret(token), userId: user.id, kind, expiresAt })
  return token
}
