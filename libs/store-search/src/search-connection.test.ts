import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as forward, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { errors } from '@elastic/elasticsearch'
import type { SegmentDocument } from '@tallyfleet/ports'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOfStatus, searchError } from './search-connection.ts'
import { SearchSegmentStore } from './search-segment-store.ts'

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const movie = (entityId: string, part: Partial<SegmentDocument> = {}): SegmentDocument =>
  ({ ...MOVIES, entityId, title: null, dimensions: {}, totals: {}, version: 1, shard: 0, ...part })
const unavailable = { code: 'STORE_UNAVAILABLE' }

type Answer = { status: number; body: string }
type Seen = { path: string; authorization: string | undefined; bytes: number }

/** What a guarded cluster does: asks for credentials, answers in a server's place when told to, forwards the rest. */
function guard(target: string, credentials: string) {
  const seen: Seen[] = []
  const answers: { path: RegExp; answer: Answer }[] = []
  const listener: RequestListener = async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    const { authorization } = request.headers
    const path = request.url!.replace(/^\/search(?=\/)/, '')
    seen.push({ path, authorization, bytes: body.length })
    const refusal = { error: { type: 'security_exception', reason: 'missing authentication credentials' }, status: 401 }
    const index = answers.findIndex((one) => one.path.test(path))
    const made = authorization !== credentials ? { status: 401, body: JSON.stringify(refusal) }
      : index >= 0 ? answers.splice(index, 1)[0]!.answer : undefined
    if (made) {
      response.writeHead(made.status, { 'content-type': 'application/json' }).end(made.body)
      return
    }
    const { host: _host, authorization: _authorization, ...headers } = request.headers
    const onward = forward(new URL(path, target), { method: request.method, headers })
    onward.end(body)
    const [answer] = await once(onward, 'response') as [IncomingMessage]
    response.writeHead(answer.statusCode!, answer.headers)
    answer.pipe(response)
  }
  return { seen, answers, listener }
}

describeWithServer('elasticsearch', 'a guarded search server', (target) => {
  const apiKey = Buffer.from('id:a-secret-that-must-not-leak').toString('base64')
  const indices: string[] = []
  let resources: AsyncDisposableStack
  beforeEach(() => { resources = new AsyncDisposableStack() })
  afterEach(() => resources.disposeAsync())
  afterAll(async () => { await fetch(`${target}/${indices.join(',')}?ignore_unavailable=true`, { method: 'DELETE' }) })

  const freshPrefix = (): string => {
    const prefix = freshName('guarded')
    indices.push(`${prefix}-segments-v2`)
    return prefix
  }
  const listening = async (server: ReturnType<typeof createServer>, port = 0): Promise<number> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    resources.defer(async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    })
    return (server.address() as AddressInfo).port
  }

  test('is opened with an API key, sent with every request', async () => {
    const { listener, seen } = guard(target, `ApiKey ${apiKey}`)
    const url = `http://127.0.0.1:${await listening(createServer(listener))}`
    await using store = await SearchSegmentStore.open({ url, prefix: freshPrefix(), apiKey })
    expect(await store.putDocuments([movie('one', { dimensions: { genre: 'war' } })])).toEqual({ written: 1, stale: 0 })
    await store.putMarks(new Map([[3, 4]]))
    expect(await store.listBuckets(MOVIES, 'genre', [], 1)).toEqual([{ value: 'war', documents: 1, totals: {} }])
    expect(await store.listMarks()).toEqual(new Map([[3, 4]]))
    expect(new Set(seen.map(({ authorization }) => authorization))).toEqual(new Set([`ApiKey ${apiKey}`]))
  })

  test('is opened with the user and password of the URL, below a path', async () => {
    const { listener, seen } = guard(target, `Basic ${Buffer.from('fleet:p@ss/word').toString('base64')}`)
    const url = `http://fleet:p%40ss%2Fword@127.0.0.1:${await listening(createServer(listener))}/search`
    await using store = await SearchSegmentStore.open({ url, prefix: freshPrefix() })
    expect(await store.count(MOVIES, [])).toBe(0)
    expect(seen.length).toBeGreaterThan(2)
  })

  test('refuses a wrong key, and the error names the reason without the key', async () => {
    const { listener } = guard(target, 'ApiKey another')
    const url = `http://127.0.0.1:${await listening(createServer(listener))}`
    const error = await SearchSegmentStore.open({ url, prefix: freshPrefix(), apiKey }).catch((error: unknown) => error)
    expect(error).toMatchObject({ ...unavailable, message: expect.stringContaining('401') })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(apiKey)
  })

  test('is trusted over TLS with the given authority alone', async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'segments-tls-'))
    resources.defer(() => rmSync(folder, { recursive: true }))
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    try {
      execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile,
      ], { stdio: 'pipe' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      skip('needs openssl to make a certificate')
    }
    const ca = readFileSync(certFile, 'utf8')
    const { listener } = guard(target, `ApiKey ${apiKey}`)
    const server = createTlsServer({ key: readFileSync(keyFile), cert: ca }, listener)
    const url = `https://127.0.0.1:${await listening(server)}`
    const prefix = freshPrefix()
    await expect(SearchSegmentStore.open({ url, prefix, apiKey })).rejects.toMatchObject(unavailable)
    await using store = await SearchSegmentStore.open({ url, prefix, apiKey, ca })
    expect(await store.putDocuments([movie('one')])).toEqual({ written: 1, stale: 0 })
  })

  test('may go away and come back under an open store', async () => {
    const { listener } = guard(target, `ApiKey ${apiKey}`)
    const first = createServer(listener)
    const port = await listening(first)
    await using store = await SearchSegmentStore.open({ url: `http://127.0.0.1:${port}`, prefix: freshPrefix(), apiKey })
    await store.putDocuments([movie('one')])
    first.close()
    first.closeAllConnections()
    await expect(store.putDocuments([movie('two')])).rejects.toMatchObject(unavailable)
    await expect(store.listMarks()).rejects.toMatchObject(unavailable)
    await listening(createServer(listener), port)
    expect(await store.putDocuments([movie('two')])).toEqual({ written: 1, stale: 0 })
    expect(await store.count(MOVIES, [])).toBe(2)
  })

  test('that has no room for one document of a bulk makes the call reject; a repeat writes the rest', async () => {
    const { listener, answers } = guard(target, `ApiKey ${apiKey}`)
    const url = `http://127.0.0.1:${await listening(createServer(listener))}`
    await using store = await SearchSegmentStore.open({ url, prefix: freshPrefix(), apiKey })
    const item = (status: number, type: string) =>
      ({ index: { _id: 'x', status, ...(status > 299 && { error: { type, reason: 'no' } }) } })
    const answerOf = (status: number, type: string): Answer =>
      ({ status: 200, body: JSON.stringify({ took: 1, errors: true, items: [item(201, ''), item(status, type)] }) })
    const documents = [movie('one'), movie('two')]

    answers.push({ path: /_bulk/, answer: answerOf(429, 'es_rejected_execution_exception') })
    await expect(store.putDocuments(documents)).rejects.toMatchObject(unavailable)
    answers.push({ path: /_bulk/, answer: answerOf(403, 'cluster_block_exception') })
    await expect(store.putDocuments(documents)).rejects.toMatchObject(unavailable)
    answers.push({ path: /_bulk/, answer: answerOf(400, 'document_parsing_exception') })
    await expect(store.putDocuments(documents)).rejects.toMatchObject({ code: 'BUG' })
    answers.push({ path: /_bulk/, answer: answerOf(409, 'version_conflict_engine_exception') })
    expect(await store.putDocuments(documents)).toEqual({ written: 1, stale: 1 })
    expect(await store.putDocuments(documents)).toEqual({ written: 2, stale: 0 })
  })

  test('never gets more than 5 MiB or 1,000 documents in a bulk', async () => {
    const { listener, seen } = guard(target, `ApiKey ${apiKey}`)
    const url = `http://127.0.0.1:${await listening(createServer(listener))}`
    await using store = await SearchSegmentStore.open({ url, prefix: freshPrefix(), apiKey })
    await store.putDocuments(Array.from({ length: 12 }, (_, n) => movie(`large-${n}`, { title: 'é'.repeat(500_000) })))
    const large = seen.filter(({ path }) => path.includes('_bulk')).map(({ bytes }) => bytes)
    expect(large).toHaveLength(3)
    expect(Math.max(...large)).toBeLessThanOrEqual(5 * 1_048_576)
    await store.putDocuments(Array.from({ length: 2_001 }, (_, n) => movie(`small-${n}`)))
    expect(seen.filter(({ path }) => path.includes('_bulk'))).toHaveLength(3 + 3)
    expect(await store.count(MOVIES, [])).toBe(2_013)
  })
})

describe('errors of the client', () => {
  test('an answer that is no JSON, a timeout and a lost connection are a store that is away', () => {
    for (const error of [
      new errors.DeserializationError('not JSON', '<html>'), new errors.TimeoutError('slow'),
      new errors.ConnectionError('reset'), new errors.NoLivingConnectionsError('none', {} as never),
    ]) {
      expect(searchError(error)).toMatchObject({ ...unavailable, cause: error })
    }
  })

  test('what is not the server\'s doing is a bug', () => {
    expect(searchError(new TypeError('x is undefined'))).toMatchObject({ code: 'BUG' })
    expect(codeOfStatus(400)).toBe('BUG')
    expect([401, 403, 404, 429, 500, 503].map(codeOfStatus)).toEqual(Array.from({ length: 6 }, () => 'STORE_UNAVAILABLE'))
  })
})
