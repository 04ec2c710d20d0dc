import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { bucketOf, dayOf, type Interval } from '@tallyfleet/domain'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newHome, ROOT, startFleet, cleanEnv, type FleetProcess } from './fleet-process.ts'
import { storesOnServers } from './stores-on-servers.ts'

const DATA = resolve(ROOT, '../shared/data')
const RATINGS = join(DATA, 'ml-100k-raw/u.data')
const ITEMS = join(DATA, 'ml-100k-raw/u.item')
const LOG = join(DATA, 'weblogs/apache-10k.log')

/** MovieLens where it lies beside the checkout; else made-up ratings of the same form, so that nothing is skipped. */
async function ratings(home: string): Promise<{ file: string; lines: string[] }> {
  if (existsSync(RATINGS)) return { file: RATINGS, lines: (await readFile(RATINGS, 'latin1')).trimEnd().split('\n') }
  const lines = Array.from({ length: 20_000 }, (_, i) =>
    `${i % 943}\t${1 + ((i * i * 7) % 1_682)}\t3\t${874_724_710 + ((i * 7_919) % 18_561_928)}`)
  const file = join(home, 'ratings.tsv')
  await writeFile(file, `${lines.join('\n')}\n`)
  return { file, lines }
}

/** Views by film and bucket, counted without any of the fleet's own parts but the calendar. */
function countLines(lines: string[], interval: Interval): Map<string, Map<string, number>> {
  const films = new Map<string, Map<string, number>>()
  for (const line of lines) {
    const [, film, , seconds] = line.split('\t') as [string, string, string, string]
    const bucket = bucketOf(interval, dayOf(new Date(Number(seconds) * 1_000), 'UTC'))
    const buckets = films.get(film) ?? new Map<string, number>()
    films.set(film, buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1))
  }
  return films
}

async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]()
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value)
  }))
}

function edition(title: string, serverEnv: () => Record<string, string>): void {
  describe(title, { timeout: 600_000 }, () => {
    let fleet: FleetProcess
    let remove: () => Promise<void>
    let source: Awaited<ReturnType<typeof ratings>>
    beforeAll(async () => {
      const { home, remove: removeHome } = await newHome()
      remove = removeHome
      source = await ratings(home)
      fleet = await startFleet(cleanEnv(home, serverEnv()))
    }, 180_000)
    afterAll(async () => {
      if (fleet) expect(await fleet.stop()).toBe(0)
      await remove?.()
    }, 60_000)

    test('is ready, and a single event goes all the way to a number', async () => {
      expect((await fleet.get('/readyz')).status).toBe(200)
      const event = { domain: 'web', entity_type: 'page', entity_id: '/pricing', action: 'view', occurred_at: new Date().toISOString(), event_id: 'e-1' }
      expect(await fleet.post('/api/v1/events', event)).toMatchObject({ status: 202, body: { status: 'accepted' } })
      expect(await fleet.post('/api/v1/events', event)).toMatchObject({ status: 202, body: { status: 'duplicate' } })
      expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })
      const { body } = await fleet.get('/api/v1/entities/top?domain=web&entity_type=page&action=view')
      expect(body.data).toEqual([expect.objectContaining({ entity_id: '/pricing', count: 1 })])
    })

    test('an imported file is counted exactly, in every bucket of every film, once', async () => {
      if (existsSync(ITEMS)) {
        expect((await fleet.cli('catalog', 'import', '--format', 'movielens', ITEMS)).json.data).toMatchObject({ read: 1_682, inserted: 1_682, rejected: 0 })
      }
      const imported = await fleet.cli('import', '--format', 'movielens', source.file)
      expect(imported.json.data).toMatchObject({ read: source.lines.length, accepted: source.lines.length, duplicates: 0, rejected: 0 })
      const flushed = await fleet.cli('flush', '--wait', '--timeout', '300')
      expect(flushed).toMatchObject({ exit: 0 })

      const expectedTop = [...countLines(source.lines, 'total')].map(([entity_id, buckets]) => ({ entity_id, count: buckets.get('all')! }))
        .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.entity_id), Buffer.from(b.entity_id)))
      const top: { entity_id: string; count: number }[] = []
      for (let cursor = ''; ;) {
        const { body } = await fleet.get(`/api/v1/entities/top?domain=jav&entity_type=movie&action=view&limit=1000${cursor}`)
        top.push(...body.data.map(({ entity_id, count }: { entity_id: string; count: number }) => ({ entity_id, count })))
        if (!body.page.nextCursor) break
        cursor = `&cursor=${encodeURIComponent(body.page.nextCursor)}`
      }
      expect(top).toEqual(expectedTop)

      for (const interval of ['day', 'week', 'month', 'year'] as const) {
        const expected = countLines(source.lines, interval)
        await inParallel(expected, async ([film, buckets]) => {
          const { body } = await fleet.get(`/api/v1/timeseries?domain=jav&entity_type=movie&action=view&interval=${interval}&from=1997-09-01&to=1998-06-01&entity_id=${film}`)
          const counted = body.data.filter(({ count }: { count: number }) => count > 0).map(({ bucket, count }: { bucket: string; count: number }) => [bucket, count])
          expect(counted, `film ${film} by ${interval}`).toEqual([...buckets].sort(([a], [b]) => (a < b ? -1 : 1)))
        })
      }
      expect((await fleet.cli('import', '--format', 'movielens', source.file)).json.data).toMatchObject({ accepted: 0, duplicates: source.lines.length })
    })

    test('catalog rows and segments show the same totals, and every store agrees', async () => {
      if (existsSync(ITEMS)) {
        const { body } = await fleet.get('/api/v1/entities/jav/movie/50')
        expect(body.data).toMatchObject({ title: 'Star Wars (1977)', totals: { view: 583 }, catalog: { totals: { view: 583 } } })
      }
      const parity = await fleet.cli('parity-check')
      expect(parity).toMatchObject({ exit: 0, json: { data: { equal: true } } })
      expect(await fleet.cli('ledger')).toMatchObject({ exit: 0, json: { data: { balanced: true, pending: 0 } } })
    })

    test.runIf(existsSync(LOG))('an access log: read = accepted + duplicates + rejected, each rejection with a reason', async () => {
      const { json } = await fleet.cli('import', '--format', 'combined', LOG)
      const { read, accepted, duplicates, rejected, reasons } = json.data
      expect(read).toBe(10_000)
      expect(accepted + duplicates + rejected).toBe(read)
      expect(Object.values(reasons as Record<string, number>).reduce((sum, count) => sum + count, 0)).toBe(rejected)
      expect(accepted).toBeGreaterThan(5_000)
      expect(await fleet.cli('ledger')).toMatchObject({ exit: 0 })
    })
  })
}

edition('embedded', () => ({}))
edition('servers', () => storesOnServers('mongo', 'mysql', 'elasticsearch'))
