import { AppError } from '@tallyfleet/domain'
import type { AccountStore, ApiKey, AuditEntry, Session, Tenant, User } from '@tallyfleet/ports'
import type { Insertable, Selectable } from 'kysely'
import { migrateSql } from './migrate-sql.ts'
import { openSqlDatabase, query, type SqlDatabase } from './sql-database.ts'
import { isDuplicate } from './sql-errors.ts'
import type { SqlSchema } from './sql-schema.ts'

type Row<Table extends keyof SqlSchema> = Selectable<SqlSchema[Table]>

/** Accounts in SQLite, MySQL or MariaDB: in the catalog's database, under the prefix `fleet_`. */
export class SqlAccountStore implements AccountStore {
  readonly #database: SqlDatabase

  private constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Opens the database, migrates it, and makes the tenant `default` (UTC) when it is not there. */
  static async open({ url }: { url: string }): Promise<SqlAccountStore> {
    const database = await openSqlDatabase(url)
    try {
      await migrateSql(database)
      await database.run((sql) => query(sql, database.engine === 'mysql'
        ? 'INSERT IGNORE INTO fleet_tenants (id, zone, created_at) VALUES (?, ?, ?)'
        : 'INSERT INTO fleet_tenants (id, zone, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING',
      ['default', 'UTC', Date.now()]))
    } catch (error) {
      await database[Symbol.asyncDispose]()
      throw error
    }
    return new SqlAccountStore(database)
  }

  async findTenant(id: string): Promise<Tenant | undefined> {
    const row = await this.#database.run((sql) =>
      sql.selectFrom('fleet_tenants').selectAll().where('id', '=', id).executeTakeFirst())
    return row?.id === id ? tenantOf(row) : undefined
  }

  async listTenants(): Promise<Tenant[]> {
    const rows = await this.#database.run((sql) =>
      sql.selectFrom('fleet_tenants').selectAll().orderBy('id').execute())
    return rows.map(tenantOf)
  }

  async putTenant({ id, zone, createdAt }: Tenant): Promise<void> {
    await this.#put('fleet_tenants', 'id', { id, zone, created_at: createdAt.getTime() })
  }

  async appendKey(key: ApiKey): Promise<void> {
    await this.#append(`the key ${key.id} or its secret`, (sql) => sql.insertInto('fleet_keys').values({
      id: key.id, tenant: key.tenant, name: key.name, secret_hash: key.secretHash, hint: key.hint,
      scopes: JSON.stringify(key.scopes), publishable: Number(key.publishable), origins: JSON.stringify(key.origins),
      events_per_minute: key.eventsPerMinute ?? null,
      created_at: key.createdAt.getTime(), revoked_at: key.revokedAt?.getTime() ?? null,
    }).execute())
  }

  async findKeyByHash(secretHash: string): Promise<ApiKey | undefined> {
    const row = await this.#database.run((sql) =>
      sql.selectFrom('fleet_keys').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst())
    return row?.secret_hash === secretHash ? keyOf(row) : undefined
  }

  async listKeys(tenant?: string): Promise<ApiKey[]> {
    const rows = await this.#database.run((sql) => {
      const all = sql.selectFrom('fleet_keys').selectAll().orderBy('created_at').orderBy('id')
      return (tenant === undefined ? all : all.where('tenant', '=', tenant)).execute()
    })
    return rows.map(keyOf)
  }

  async revokeKey(id: string, revokedAt: Date): Promise<void> {
    await this.#database.run(async (sql) => {
      const { numUpdatedRows } = await sql.updateTable('fleet_keys').set({ revoked_at: revokedAt.getTime() })
        .where('id', '=', id).where((or) => or.or([or('revoked_at', 'is', null), or('revoked_at', '>', revokedAt.getTime())])).executeTakeFirst()
      if (numUpdatedRows > 0n) return
      const known = await sql.selectFrom('fleet_keys').select('id').where('id', '=', id).executeTakeFirst()
      if (!known) throw new AppError('RECORD_UNKNOWN', `no key ${id}`)
    })
  }

  async findUser(name: string): Promise<User | undefined> {
    const row = await this.#database.run((sql) =>
      sql.selectFrom('fleet_users').selectAll().where('name', '=', name).executeTakeFirst())
    return row?.name === name ? userOf(row) : undefined
  }

  async findUserById(id: string): Promise<User | undefined> {
    const row = await this.#database.run((sql) =>
      sql.selectFrom('fleet_users').selectAll().where('id', '=', id).executeTakeFirst())
    return row?.id === id ? userOf(row) : undefined
  }

  async listUsers(): Promise<User[]> {
    const rows = await this.#database.run((sql) => sql.selectFrom('fleet_users').selectAll().orderBy('name').execute())
    return rows.map(userOf)
  }

  async putUser({ id, name, role, passwordHash, createdAt }: User): Promise<void> {
    const values = { name, role, password_hash: passwordHash ?? null, created_at: createdAt.getTime() }
    // Never an upsert: MySQL's would take over the other user who has the name.
    await this.#append(`a user ${JSON.stringify(name)}`, async (sql) => {
      const { numUpdatedRows } = await sql.updateTable('fleet_users').set(values)
        .where('id', '=', id).executeTakeFirst()
      if (numUpdatedRows > 0n) return
      await sql.insertInto('fleet_users').values({ id, ...values }).execute()
    })
  }

  async putSession({ tokenHash, userId, kind, expiresAt }: Session): Promise<void> {
    await this.#put('fleet_sessions', 'token_hash',
      { token_hash: tokenHash, user_id: userId, kind, expires_at: expiresAt.getTime() })
  }

  async findSession(tokenHash: string): Promise<Session | undefined> {
    const row = await this.#database.run((sql) =>
      sql.selectFrom('fleet_sessions').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst())
    return row?.token_hash === tokenHash ? sessionOf(row) : undefined
  }

  async claimSession(tokenHash: string): Promise<Session | undefined> {
    const session = await this.findSession(tokenHash)
    if (!session) return undefined
    const { numDeletedRows } = await this.#database.run((sql) =>
      sql.deleteFrom('fleet_sessions').where('token_hash', '=', tokenHash).executeTakeFirst())
    return numDeletedRows > 0n ? session : undefined
  }

  async deleteSessionsBefore(expiresAt: Date): Promise<number> {
    const { numDeletedRows } = await this.#database.run((sql) =>
      sql.deleteFrom('fleet_sessions').where('expires_at', '<', expiresAt.getTime()).executeTakeFirst())
    return Number(numDeletedRows)
  }

  async appendAudit({ id, at, actor, action, target, detail, outcome }: AuditEntry): Promise<void> {
    await this.#append(`the audit entry ${id}`, (sql) => sql.insertInto('fleet_audit')
      .values({ id, at: at.getTime(), actor, action, target, detail: JSON.stringify(detail), outcome }).execute())
  }

  async listAudit(limit: number, before?: Date): Promise<AuditEntry[]> {
    const rows = await this.#database.run((sql) => {
      const all = sql.selectFrom('fleet_audit').selectAll().orderBy('at', 'desc').orderBy('id', 'desc').limit(limit)
      return (before === undefined ? all : all.where('at', '<', before.getTime())).execute()
    })
    return rows.map((row) => ({
      ...row, at: new Date(row.at), detail: JSON.parse(row.detail), outcome: row.outcome as AuditEntry['outcome'],
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }

  /** Runs an insert of what must be new. */
  async #append(what: string, work: Parameters<SqlDatabase['run']>[0]): Promise<void> {
    await this.#database.run(async (sql) => {
      try {
        await work(sql)
      } catch (error) {
        if (!isDuplicate(error)) throw error
        throw new AppError('RECORD_EXISTS', `${what} exists`, { cause: error })
      }
    })
  }

  /** Inserts or replaces by the one unique column of the table. */
  async #put<Table extends 'fleet_tenants' | 'fleet_sessions'>(
    table: Table, key: string & keyof SqlSchema[Table], row: Insertable<SqlSchema[Table]>,
  ): Promise<void> {
    const names = Object.keys(row)
    const others = names.filter((name) => name !== key)
    const replace = this.#database.engine === 'mysql'
      ? `ON DUPLICATE KEY UPDATE ${others.map((name) => `${name} = VALUES(${name})`).join(', ')}`
      : `ON CONFLICT (${key}) DO UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(', ')}`
    const text = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) ${replace}`
    await this.#database.run((sql) => query(sql, text, Object.values(row) as (string | number)[]))
  }
}

function tenantOf({ id, zone, created_at }: Row<'fleet_tenants'>): Tenant {
  return { id, zone, createdAt: new Date(created_at) }
}

function keyOf(row: Row<'fleet_keys'>): ApiKey {
  return {
    id: row.id, tenant: row.tenant, name: row.name, secretHash: row.secret_hash, hint: row.hint,
    scopes: JSON.parse(row.scopes), publishable: row.publishable === 1, origins: JSON.parse(row.origins),
    eventsPerMinute: row.events_per_minute ?? undefined,
    createdAt: new Date(row.created_at), revokedAt: row.revoked_at === null ? undefined : new Date(row.revoked_at),
  }
}

function userOf({ id, name, role, password_hash, created_at }: Row<'fleet_users'>): User {
  return {
    id, name, role: role as User['role'], passwordHash: password_hash ?? undefined, createdAt: new Date(created_at),
  }
}

function sessionOf({ token_hash, user_id, kind, expires_at }: Row<'fleet_sessions'>): Session {
  return { tokenHash: token_hash, userId: user_id, kind: kind as Session['kind'], expiresAt: new Date(expires_at) }
}
