import { webcrypto } from 'node:crypto'
import vm from 'node:vm'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type TestApi } from '../start-api.fixture.ts'
import { snippet } from './snippet.ts'

const ORIGIN = 'https://shop.example'
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'

let api: TestApi
let key: string
beforeAll(async () => {
  api = await startApi()
  key = await api.key({ publishable: true, origins: [ORIGIN] })
})
afterAll(() => api[Symbol.asyncDispose]())

/** Runs the snippet as a browser on the page of a shop would; answers what it sent. */
function browse(navigator: object = {}) {
  const location = { pathname: '/start' }
  const listeners: Record<string, () => void> = {}
  const sent: Promise<Response>[] = []
  const bodies: Record<string, string>[] = []
  const window: Record<string, unknown> = {}
  const sandbox = {
    window, navigator, location, URL, crypto: webcrypto, setTimeout,
    document: { currentScript: { src: `${api.url}/fleet.js`, dataset: { key } } },
    history: { pushState(_state: unknown, _title: string, path: string) { location.pathname = path } },
    addEventListener: (name: string, listener: () => void) => { listeners[name] = listener },
    fetch(url: string, options: RequestInit) {
      bodies.push(JSON.parse(String(options.body)))
      const response = fetch(url, { ...options, headers: { ...options.headers, origin: ORIGIN, 'user-agent': AGENT } })
      sent.push(response)
      return response
    },
  }
  vm.runInNewContext(snippet, sandbox)
  return { sandbox, listeners, sent, bodies, fleet: window['fleet'] as (action: string, entity?: string) => void }
}

test('the snippet is at most 1 KB compressed, and is served to every site', async () => {
  expect(gzipSync(snippet).length).toBeLessThanOrEqual(1024)
  const answer = await api.call('GET', '/fleet.js')
  expect(answer).toMatchObject({ status: 200, text: snippet })
  expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
})

test('a page view and a download of a browser are accepted', async () => {
  const { sandbox, sent, bodies, listeners, fleet } = browse()
  sandbox.history.pushState({}, '', '/next')
  listeners['popstate']!() // same path: no view
  fleet('download', '/files/a.pdf')
  const answers = await Promise.all(sent)
  expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202])
  expect(answers[0]!.headers.get('access-control-allow-origin')).toBe(ORIGIN)
  expect(bodies.map(({ action, entity_id }) => [action, entity_id]))
    .toEqual([['view', '/start'], ['view', '/next'], ['download', '/files/a.pdf']])
})

test.each([{ globalPrivacyControl: true }, { doNotTrack: '1' }])('a browser with %o sends nothing', (navigator) => {
  const { sent, fleet } = browse(navigator)
  fleet('download', '/files/a.pdf')
  expect(sent).toEqual([])
})
