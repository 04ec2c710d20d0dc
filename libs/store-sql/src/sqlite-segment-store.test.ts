import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { segmentStoreContract } from '@tallyfleet/contract-tests'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SqliteSegmentStore } from './sqlite-segment-store.ts'

let folder: string
let files = 0
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'segments-')) })
afterAll(() => rm(folder, { recursive: true }))

segmentStoreContract('sqlite', async () => {
  const path = join(folder, `${files += 1}.db`)
  return { store: await SqliteSegmentStore.open({ path }), again: () => SqliteSegmentStore.open({ path }) }
})

test('a path that cannot be a file rejects with STORE_UNAVAILABLE', async () => {
  await expect(SqliteSegmentStore.open({ path: folder })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})
