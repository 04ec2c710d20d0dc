import { Router } from 'express'
import { htmlPage, plainStyle, STYLE_PATH } from './html-page.ts'

const body = `<p>An analytics fleet that never miscounts: every acknowledged event is counted exactly once in every store,
and the ledger proves it.</p>
<p><a href="/docs">API console</a> · <a href="/docs/errors">Error codes</a> · <a href="/openapi.json">openapi.json</a> ·
<a href="/admin/queues">Queues</a> · <a href="/readyz">Readiness</a> · <a href="/metrics">Metrics</a></p>
<h2>Send an event</h2>
<pre>curl -X POST -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"domain":"web","entity_type":"page","entity_id":"/hello","action":"view",
       "occurred_at":"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'","event_id":"'"$(uuidgen)"'"}' \\
  <span>…</span>/api/v1/events</pre>
<h2>Count the views of a web page</h2>
<pre>&lt;script defer src="<span>…</span>/fleet.js" data-key="tf_pk_…"&gt;&lt;/script&gt;</pre>
<h2>Read</h2>
<pre>curl -H "Authorization: Bearer $KEY" \\
  "<span>…</span>/api/v1/entities/top?domain=web&amp;entity_type=page&amp;action=view"</pre>
`

/** `/`: what this is and where to go. */
export function landingPage(): Router {
  const router = Router()
  router.get(STYLE_PATH, (_request, response) => { response.type('css').set('cache-control', 'max-age=3600').send(plainStyle) })
  router.get('/', (request, response) => {
    const host = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(request.headers.host ?? '') ? request.headers.host! : 'localhost'
    response.type('html').send(htmlPage('Tallyfleet', body.replaceAll('<span>…</span>', `${request.protocol}://${host}`)))
  })
  return router
}
