import { randomUUID } from 'node:crypto'
import { AppError } from '@tallyfleet/domain'
import type { Peer } from './harness.ts'
import { requestOf } from './peer-load.ts'

/** Somebody looks at a page. No two views share a page and a visitor, so that each is a visit to those who count visits. */
export type View = { page: string; visitor: string; id: string; at: Date }

/** A system that counts page views, through its own HTTP interface. */
export type PageCounter = {
  name: string
  url: string
  batchSize: number
  /** One view, as its clients send it. */
  single: (view: View) => Buffer
  batch: (views: readonly View[]) => Buffer
  /** The views that its reports show now. */
  countViews: () => Promise<number>
}

/** How many times as fast ours should be: single views and batches acknowledged, batches until they are visible. */
export type Goals = { single: number; batch: number; visible: number }

const PAGES = 2_000
const run = randomUUID()

export function viewAt(n: number): View {
  return { page: `/page-${n % PAGES}`, visitor: `visitor-${Math.floor(n / PAGES)}-${run}`, id: `${run}-${n}`, at: new Date() }
}

export const peers: Readonly<Record<string, { goals: Goals; open: (peer: Peer) => Promise<PageCounter> }>> = {
  goatcounter: { goals: { single: 2, batch: 2.5, visible: 4 }, open: openGoatCounter },
  umami: { goals: { single: 25, batch: 50, visible: 50 }, open: openUmami },
}

/** A browser that no filter takes for a robot, and that is another one for each visitor. */
function userAgentOf({ visitor }: View): string {
  return `Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 ${visitor}`
}

/** Its image (one view a request), its interface for counts (500 a request) and for totals. The token may count and read. */
async function openGoatCounter({ url, token }: Peer): Promise<PageCounter> {
  const authorization = `Bearer ${token}`
  return {
    name: 'GoatCounter', url, batchSize: 500,
    single: (view) => requestOf(url, 'GET', `/count?p=${encodeURIComponent(view.page)}&t=A%20page`, { 'user-agent': userAgentOf(view) }),
    batch: (views) => requestOf(url, 'POST', '/api/v0/count', { authorization }, JSON.stringify({
      hits: views.map((view) => ({ path: view.page, title: 'A page', session: view.visitor, user_agent: userAgentOf(view) })),
    })),
    async countViews() {
      const { total } = await askJson<{ total: number }>(`${url}/api/v0/stats/total`, { authorization })
      return total
    },
  }
}

/** A website of its own for each run. The token is that of `/api/auth/login`. */
async function openUmami({ url, token }: Peer): Promise<PageCounter> {
  const authorization = `Bearer ${token}`
  const { id } = await askJson<{ id: string }>(`${url}/api/websites`, { authorization }, { name: 'bench', domain: 'bench.example' })
  const payloadOf = (view: View) => ({
    type: 'event',
    payload: { website: id, hostname: 'bench.example', url: view.page, title: 'A page', language: 'en', screen: '1920x1080', referrer: '', id: view.visitor },
  })
  return {
    name: 'Umami', url, batchSize: 500,
    single: (view) => requestOf(url, 'POST', '/api/send', { 'user-agent': userAgentOf(view) }, JSON.stringify(payloadOf(view))),
    batch: (views) => requestOf(url, 'POST', '/api/batch', { 'user-agent': userAgentOf(views[0]!) }, JSON.stringify(views.map(payloadOf))),
    async countViews() {
      const [day, now] = [86_400_000, Date.now()]
      const { pageviews } = await askJson<{ pageviews: number | { value: number } }>(
        `${url}/api/websites/${id}/stats?startAt=${now - day}&endAt=${now + day}`, { authorization })
      return typeof pageviews === 'number' ? pageviews : pageviews.value // an object before version 3
    },
  }
}

/** GET, or POST where there is a body. Throws `STORE_UNAVAILABLE` with the answer when it is no success. */
export async function askJson<Answer>(url: string, headers: Record<string, string>, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    headers: { ...headers, 'content-type': 'application/json' }, ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new AppError('STORE_UNAVAILABLE', `${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`)
  return await response.json() as Answer
}
