import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import { appendAudit } from '@tallyfleet/features'
import { Router, type RequestHandler } from 'express'
import type { ApiNeeds, BoardQueue } from '../needs.ts'
import { contentPolicy } from './content-policy.ts'
import { ACTING, refuseForeignChanges, requireLogin, userOf } from './session.ts'

const PATH = '/admin/queues'
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * `/admin/queues`: Bull Board behind the login. It has no protection of its own, so everything stands before it: who,
 * from where, with which role, and an audit entry for every change. Viewers get a board without buttons.
 */
export function boardPages(needs: ApiNeeds): Router {
  const router = Router()
  const acting = boardOf(needs.boardQueues, false)
  const reading = boardOf(needs.boardQueues, true)
  router.use(
    PATH, contentPolicy({ styles: "'unsafe-inline'", framed: true }), refuseForeignChanges, requireLogin(needs), auditChanges(needs),
    (request, response, next) => {
      const board = ACTING.includes(userOf(response).role) ? acting : reading
      board(request, response, next)
    },
  )
  router.get('/admin', (_request, response) => { response.redirect(302, PATH) })
  return router
}

function boardOf(queues: readonly BoardQueue[], readOnlyMode: boolean): RequestHandler {
  const serverAdapter = new ExpressAdapter()
  serverAdapter.setBasePath(PATH)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode })),
    serverAdapter,
    // Workers are listed by CLIENT LIST for each queue and poll: too much for a large fleet.
    options: { uiConfig: { boardTitle: 'Tallyfleet', showWorkers: false } },
  })
  return serverAdapter.getRouter() as RequestHandler
}

function auditChanges(needs: ApiNeeds): RequestHandler {
  return (request, response, next) => {
    if (READING.has(request.method)) return next()
    const { name } = userOf(response)
    const target = request.originalUrl.slice(0, 500)
    response.once('close', () => {
      const outcome = response.writableFinished && response.statusCode < 400 ? 'ok' as const : 'failed' as const
      const detail = { method: request.method, status: response.statusCode }
      appendAudit({ actor: `user:${name}`, action: 'change-queue', target, detail, outcome }, needs)
        .catch((error: unknown) => needs.log.error({ err: error, target }, 'audit entry not written'))
    })
    next()
  }
}
