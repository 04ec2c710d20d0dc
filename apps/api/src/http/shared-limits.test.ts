import { openRequestCounts } from '@tallyfleet/stores'
import { expect, test } from 'vitest'
import { startApi } from '../start-api.fixture.ts'

test('limits hold over all processes: of requests by key, and of failed logins', { timeout: 240_000 }, async () => {
  await using first = await startApi()
  await using requests = await openRequestCounts(first.stores.redisUrl)
  const config = { RATE_LIMIT_PER_MINUTE: 6 }
  const override = { accounts: first.stores.accounts, requests }
  await using one = await startApi({ config, override })
  await using two = await startApi({ config, override })
  const key = await first.key({ scopes: ['read'] })
  const statuses: number[] = []
  for (let n = 0; n < 8; n++) statuses.push((await (n % 2 ? one : two).call('GET', '/api/v1/ledger', { key })).status)
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429])

  const attempt = async (api: typeof one) => (await api.call('POST', '/login', {
    body: 'name=mia&password=wrong', headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })).status
  for (let n = 0; n < 10; n++) expect(await attempt(n % 2 ? one : two)).toBe(401)
  expect([await attempt(one), await attempt(two)]).toEqual([429, 429])
})

test('while the shared counts are away, each process counts for itself', { timeout: 240_000 }, async () => {
  await using first = await startApi()
  const requests = await openRequestCounts(first.stores.redisUrl)
  await requests[Symbol.asyncDispose]()
  await using one = await startApi({ config: { RATE_LIMIT_PER_MINUTE: 2 }, override: { accounts: first.stores.accounts, requests } })
  const key = await first.key({ scopes: ['read'] })
  const ask = async () => (await one.call('GET', '/api/v1/ledger', { key })).status
  expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429])
})

test('a count ends with its window, and what is taken back counts no more', { timeout: 60_000 }, async () => {
  await using api = await startApi()
  await using requests = await openRequestCounts(api.stores.redisUrl)
  expect(await requests.add('k', -1, 60_000)).toMatchObject({ count: 0 })
  expect(await requests.add('k', 1, 60_000)).toMatchObject({ count: 1 })
  expect((await requests.add('k', 1, 60_000)).count).toBe(2)
  const { count, restMs } = await requests.add('k', -1, 60_000)
  expect([count, restMs > 0 && restMs <= 60_000]).toEqual([1, true])
  await requests.add('short', 1, 1)
  await expect.poll(async () => (await requests.add('short', 1, 1)).count).toBe(1)
})
