import { readFileSync } from 'node:fs'
import { Router } from 'express'

/** What `/fleet.js` answers, indentation dropped. */
export const snippet = readFileSync(new URL('./fleet-snippet.js', import.meta.url), 'utf8').replace(/^\s+/gm, '')

/** `/fleet.js`: counts page views of the site that carries it. At most 1 KB compressed. */
export function snippetPage(): Router {
  const router = Router()
  router.get('/fleet.js', (_request, response) => {
    response.set({
      'cache-control': 'public, max-age=3600', 'cross-origin-resource-policy': 'cross-origin', 'access-control-allow-origin': '*',
    })
    response.type('text/javascript').send(snippet)
  })
  return router
}
