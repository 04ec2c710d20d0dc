import { AppError } from '@tallyfleet/domain'
import { isRevoked, type AccountStore, type ApiKey, type Clock, type Tenant, type User } from '@tallyfleet/ports'
import { hashSecret } from './secrets.ts'
import { getTenant } from './tenants.ts'

/**
 * Whose request it is. A logged-in person comes with `user`, and with a `key` that stands for their role: its id is
 * the user's and no secret belongs to it.
 */
export type Caller = { key: ApiKey; tenant: Tenant; user?: User }

type Needs = { accounts: AccountStore; clock: Clock }
type Kept = { caller: Promise<Caller | undefined>; until: number }

const SECRET = /^tf_(sk|pk)_[A-Za-z0-9_-]{43}$/
/** A revoked key must stop within 5 s; a look-up takes its time too. */
const KNOWN_MS = 3_000
/** Short, so that a key works at once although somebody tried it too early. */
const UNKNOWN_MS = 1_000
const MOST_KNOWN = 10_000
const MOST_UNKNOWN = 1_000

/**
 * Tells whose secret it is, and remembers the answer for a moment. Unknown secrets have a place of their own, so
 * that guessing cannot push out the keys in use. Look-ups of the same secret at one time are one.
 */
export class Keyring {
  readonly #needs: Needs
  readonly #known = new Map<string, Kept>()
  readonly #unknown = new Map<string, number>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Rejects with `KEY_UNKNOWN`, also for a revoked key, or `STORE_UNAVAILABLE`. */
  async authenticate(secret: string): Promise<Caller> {
    const caller = SECRET.test(secret) ? await this.#find(hashSecret(secret)) : undefined
    if (!caller) throw new AppError('KEY_UNKNOWN', 'the API key is unknown or revoked')
    return caller
  }

  async #find(hash: string): Promise<Caller | undefined> {
    const now = performance.now()
    if ((this.#unknown.get(hash) ?? 0) > now) return undefined
    const kept = this.#known.get(hash)
    if (kept && kept.until > now) return kept.caller
    const caller = this.#load(hash)
    keep(this.#known, hash, { caller, until: now + KNOWN_MS }, MOST_KNOWN)
    try {
      const found = await caller
      if (!found) {
        this.#known.delete(hash)
        keep(this.#unknown, hash, performance.now() + UNKNOWN_MS, MOST_UNKNOWN)
      }
      return found
    } catch (error) {
      this.#known.delete(hash)
      throw error
    }
  }

  async #load(hash: string): Promise<Caller | undefined> {
    const key = await this.#needs.accounts.findKeyByHash(hash)
    if (!key || isRevoked(key, this.#needs.clock.now())) return undefined
    return { key, tenant: await getTenant(key.tenant, this.#needs) }
  }
}

/** Puts an entry last and drops the oldest beyond `most`. */
function keep<Value>(map: Map<string, Value>, name: string, value: Value, most: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}
