import type { AccountStore, ApiKey, AuditEntry, Session, User } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

/** Every AccountStore passes this. `open` gives a fresh one each time, with the tenant `default` alone in it. */
export function accountStoreContract(
  adapter: string, open: () => Promise<Opened<AccountStore>>, skips: Skips = {},
): void {
  describe(`AccountStore contract: ${adapter}`, () => {
    const holds = promisesOf(open, skips)
    const at = new Date('2026-11-21T10:00:00.123Z')
    const later = new Date('2026-11-21T10:00:00.124Z')

    holds('the tenant default in UTC is there from the start', async (store, again) => {
      const tenant = await store.findTenant('default')
      expect(tenant).toMatchObject({ id: 'default', zone: 'UTC' })
      await store.putTenant({ ...tenant!, zone: 'Europe/Prague' })
      const other = await again() // opening again does not set it back
      expect(await other.listTenants()).toEqual([{ ...tenant, zone: 'Europe/Prague' }])
    })

    holds('tenants are put, replaced, and listed by id', async (store) => {
      await store.putTenant({ id: 'zebra', zone: 'UTC', createdAt: at })
      await store.putTenant({ id: 'acme', zone: 'UTC', createdAt: at })
      await store.putTenant({ id: 'acme', zone: 'Asia/Tokyo', createdAt: at })
      expect((await store.listTenants()).map(({ id }) => id)).toEqual(['acme', 'default', 'zebra'])
      expect(await store.findTenant('acme')).toEqual({ id: 'acme', zone: 'Asia/Tokyo', createdAt: at })
      expect(await store.findTenant('Acme')).toBeUndefined()
      expect(await store.findTenant('acme ')).toBeUndefined()
    })

    holds('a key is found by the hash of its secret, as it was appended', async (store, again) => {
      const origins = ['https://example.org']
      const full = keyOf('k1', { publishable: true, origins, eventsPerMinute: 0, revokedAt: later })
      await store.appendKey(full)
      await store.appendKey(keyOf('k2'))
      expect(await store.findKeyByHash('hash-k1')).toEqual(full)
      expect(await (await again()).findKeyByHash('hash-k2')).toEqual(keyOf('k2'))
      expect(await store.findKeyByHash('HASH-K1')).toBeUndefined()
      expect(await store.findKeyByHash('none')).toBeUndefined()
    })

    holds('a key whose id or secret is taken is refused', async (store) => {
      await store.appendKey(keyOf('k1'))
      const taken = { code: 'RECORD_EXISTS' }
      await expect(store.appendKey(keyOf('k1', { secretHash: 'another' }))).rejects.toMatchObject(taken)
      await expect(store.appendKey(keyOf('k2', { secretHash: 'hash-k1' }))).rejects.toMatchObject(taken)
      expect(await store.listKeys()).toEqual([keyOf('k1')])
    })

    holds('keys are listed for one tenant or for all', async (store) => {
      await store.appendKey(keyOf('k1'))
      await store.appendKey(keyOf('k2', { tenant: 'acme' }))
      expect((await store.listKeys()).map(({ id }) => id)).toEqual(['k1', 'k2'])
      expect((await store.listKeys('acme')).map(({ id }) => id)).toEqual(['k2'])
      expect(await store.listKeys('none')).toEqual([])
    })

    holds('revoking again keeps the first time; an unknown key is RECORD_UNKNOWN', async (store) => {
      await store.appendKey(keyOf('k1'))
      await store.revokeKey('k1', later)
      await store.revokeKey('k1', at)
      await store.revokeKey('k1', later)
      expect((await store.findKeyByHash('hash-k1'))!.revokedAt).toEqual(at)
      await expect(store.revokeKey('none', at)).rejects.toMatchObject({ code: 'RECORD_UNKNOWN' })
    })

    holds('a user is replaced by id, and a taken name is refused', async (store) => {
      const ann: User = { id: 'u1', name: 'ann', role: 'viewer', passwordHash: undefined, createdAt: at }
      await store.putUser(ann)
      await store.putUser({ ...ann, role: 'admin', passwordHash: 'secret' })
      await store.putUser({ ...ann, role: 'admin', passwordHash: 'secret' })
      expect(await store.findUser('ann')).toEqual({ ...ann, role: 'admin', passwordHash: 'secret' })
      expect(await store.findUserById('u1')).toEqual(await store.findUser('ann'))
      await expect(store.putUser({ ...ann, id: 'u2' })).rejects.toMatchObject({ code: 'RECORD_EXISTS' })
      await store.putUser({ ...ann, id: 'u2', name: 'Bob' })
      await expect(store.putUser({ ...ann, id: 'u2', name: 'ann' })).rejects.toMatchObject({ code: 'RECORD_EXISTS' })
      expect((await store.listUsers()).map(({ name }) => name).sort()).toEqual(['Bob', 'ann'])
      expect(await store.findUser('bob')).toBeUndefined()
      expect(await store.findUser('nobody')).toBeUndefined()
      expect(await store.findUserById('nobody')).toBeUndefined()
    })

    holds('a session is put, found and replaced', async (store) => {
      const session: Session = { tokenHash: 't1', userId: 'u1', kind: 'session', expiresAt: at }
      await store.putSession(session)
      await store.putSession({ ...session, expiresAt: later })
      expect(await store.findSession('t1')).toEqual({ ...session, expiresAt: later })
      expect(await store.findSession('t2')).toBeUndefined()
    })

    holds('a session is claimed by exactly one of many callers', async (store, again) => {
      const link: Session = { tokenHash: 't1', userId: 'u1', kind: 'link', expiresAt: at }
      await store.putSession(link)
      const handles = [store, await again()]
      const claims = await Promise.all(Array.from({ length: 20 }, (_, index) => handles[index % 2]!.claimSession('t1')))
      expect(claims.filter(Boolean)).toEqual([link])
      expect(await store.findSession('t1')).toBeUndefined()
      expect(await store.claimSession('t1')).toBeUndefined()
    })

    holds('sessions that expired before an instant are deleted', async (store) => {
      await store.putSession({ tokenHash: 'old', userId: 'u1', kind: 'session', expiresAt: at })
      await store.putSession({ tokenHash: 'new', userId: 'u1', kind: 'session', expiresAt: later })
      expect(await store.deleteSessionsBefore(later)).toBe(1)
      expect(await store.deleteSessionsBefore(later)).toBe(0)
      expect(await store.findSession('new')).toBeDefined()
    })

    holds('the audit log comes newest first, up to the limit, older than an instant', async (store) => {
      const entryOf = (id: string, at: Date): AuditEntry => ({
        id, at, actor: 'ann', action: 'key.create', target: 'k1',
        detail: { scopes: ['read'], 'é "': null }, outcome: 'ok',
      })
      await store.appendAudit(entryOf('b', at))
      await store.appendAudit(entryOf('c', later))
      await store.appendAudit(entryOf('a', at))
      expect(await store.listAudit(10)).toEqual([entryOf('c', later), entryOf('b', at), entryOf('a', at)])
      expect(await store.listAudit(1)).toEqual([entryOf('c', later)])
      expect((await store.listAudit(10, later)).map(({ id }) => id)).toEqual(['b', 'a'])
      await expect(store.appendAudit(entryOf('a', later))).rejects.toMatchObject({ code: 'RECORD_EXISTS' })
    })

    holds('a closed store rejects with STORE_UNAVAILABLE', async (store) => {
      await store[Symbol.asyncDispose]()
      const closed = { code: 'STORE_UNAVAILABLE' }
      await expect(store.findTenant('default')).rejects.toMatchObject(closed)
      await expect(store.appendKey(keyOf('k1'))).rejects.toMatchObject(closed)
      await expect(store.claimSession('t1')).rejects.toMatchObject(closed)
      await store[Symbol.asyncDispose]()
    })
  })
}

function keyOf(id: string, change: Partial<ApiKey> = {}): ApiKey {
  return {
    id, tenant: 'default', name: `key ${id}`, secretHash: `hash-${id}`, hint: 'tf_sk_abc', scopes: ['ingest', 'read'],
    publishable: false, origins: [], eventsPerMinute: undefined, createdAt: new Date('2026-11-21T09:00:00.001Z'),
    revokedAt: undefined, ...change,
  }
}
