import { argon2, randomBytes, randomUUIDv7, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AppError } from '@tallyfleet/domain'
import type { AccountStore, Clock, Role, User } from '@tallyfleet/ports'

type Needs = { accounts: AccountStore; clock: Clock }

const derive = promisify(argon2)
/** OWASP's smallest advised setting: about 35 ms and 19 MiB a guess. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const MIN_PASSWORD = 10
const MAX_PASSWORD = 256

/** The argon2id hash of a password in PHC form. Rejects with `FIELD_INVALID` when it is too short or too long. */
export async function hashPassword(password: string): Promise<string> {
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    const detail = `a password needs ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`
    throw new AppError('FIELD_INVALID', detail, {
      details: { errors: [{ pointer: '/password', code: 'FIELD_INVALID', detail }] },
    })
  }
  const nonce = randomBytes(16)
  const tag = await derive('argon2id', { ...COST, message: password, nonce })
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${plain(nonce)}$${plain(tag)}`
}

/** Whether the password has this hash. */
export async function matchesPassword(password: string, hash: string): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(hash)
  if (!match || password.length > MAX_PASSWORD) return false
  const [, memory, passes, parallelism, nonce, tag] = match
  const expected = Buffer.from(tag!, 'base64')
  const actual = await derive('argon2id', {
    message: password, nonce: Buffer.from(nonce!, 'base64'), tagLength: expected.length,
    memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism),
  })
  return timingSafeEqual(actual, expected)
}

// Costs a login with an unknown name as much as one with a known name.
const nobody = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** The user of this name and password. Rejects with `LOGIN_FAILED`, in the same time whatever was wrong. */
export async function checkPassword(name: string, password: string, { accounts }: Needs): Promise<User> {
  const user = await accounts.findUser(name)
  const matches = await matchesPassword(password, user?.passwordHash ?? nobody)
  if (!user || !matches) throw new AppError('LOGIN_FAILED', 'name and password do not match')
  return user
}

/** The user of this name, made with this role and without a password where it is missing. */
export async function ensureUser(name: string, role: Role, { accounts, clock }: Needs): Promise<User> {
  const known = await accounts.findUser(name)
  if (known) return known
  const user: User = { id: randomUUIDv7(), name, role, passwordHash: undefined, createdAt: clock.now() }
  try {
    await accounts.putUser(user)
    return user
  } catch (error) {
    const winner = error instanceof AppError && error.code === 'RECORD_EXISTS' ? await accounts.findUser(name) : undefined
    if (!winner) throw error
    return winner
  }
}

/** Sets a user's password. Rejects with `FIELD_INVALID`. */
export async function setPassword(user: User, password: string, { accounts }: Needs): Promise<User> {
  const changed = { ...user, passwordHash: await hashPassword(password) }
  await accounts.putUser(changed)
  return changed
}

function plain(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
