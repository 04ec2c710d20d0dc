export type Tenant = { id: string; zone: string; createdAt: Date }

export const SCOPES = ['ingest', 'read', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** An API key. The secret itself is never stored. */
export type ApiKey = {
  id: string
  tenant: string
  name: string
  /** SHA-256 of the secret, in hex: the secret has 256 random bits, so a slow hash would add nothing. */
  secretHash: string
  /** First characters of the secret, to tell keys apart. */
  hint: string
  scopes: Scope[]
  /** Publishable keys stand in web pages: they may only ingest, from their origins. */
  publishable: boolean
  origins: string[]
  /** Events a minute; undefined = the installation's default; 0 = off. */
  eventsPerMinute: number | undefined
  createdAt: Date
  /** From then on it stops; a rotated key may have until some time ahead. */
  revokedAt: Date | undefined
}

/** Whether a key works no more. */
export function isRevoked({ revokedAt }: ApiKey, at: Date): boolean {
  return revokedAt !== undefined && revokedAt <= at
}

export const ROLES = ['viewer', 'analyst', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export type User = { id: string; name: string; role: Role; passwordHash: string | undefined; createdAt: Date }

/** A login session or a first-login link; only the hash of its token is stored. */
export type Session = { tokenHash: string; userId: string; kind: 'session' | 'link'; expiresAt: Date }

/** Who did what to what, and how it ended. */
export type AuditEntry = {
  id: string
  at: Date
  actor: string
  action: string
  target: string
  detail: Record<string, unknown>
  outcome: 'ok' | 'failed'
}

/** Tenants, keys, people and the audit log: kept in the catalog database. */
export interface AccountStore extends AsyncDisposable {
  findTenant(id: string): Promise<Tenant | undefined>
  listTenants(): Promise<Tenant[]>
  /** Inserts or replaces. */
  putTenant(tenant: Tenant): Promise<void>

  /** Rejects with `RECORD_EXISTS` when the id or the hash is taken. */
  appendKey(key: ApiKey): Promise<void>
  findKeyByHash(secretHash: string): Promise<ApiKey | undefined>
  listKeys(tenant?: string): Promise<ApiKey[]>
  /** From a time on, which may lie ahead. Rejects with `RECORD_UNKNOWN`. Of two times the earlier one counts. */
  revokeKey(id: string, revokedAt: Date): Promise<void>

  findUser(name: string): Promise<User | undefined>
  findUserById(id: string): Promise<User | undefined>
  listUsers(): Promise<User[]>
  /** Inserts or replaces by id; rejects with `RECORD_EXISTS` when another id has the name. */
  putUser(user: User): Promise<void>

  putSession(session: Session): Promise<void>
  findSession(tokenHash: string): Promise<Session | undefined>
  /** Deletes and answers what was there: a link works for exactly one of any number of callers. */
  claimSession(tokenHash: string): Promise<Session | undefined>
  deleteSessionsBefore(expiresAt: Date): Promise<number>

  appendAudit(entry: AuditEntry): Promise<void>
  /** Newest first, older than `before` when given. */
  listAudit(limit: number, before?: Date): Promise<AuditEntry[]>
}
