import type { IncomingMessage, RequestListener } from 'node:http'
import { AppError } from '@tallyfleet/domain'
import { Keyring } from '@tallyfleet/features'
import type { Request, Response } from 'express'
import type { ApiNeeds } from '../needs.ts'
import { events } from '../routes/events/route.ts'
import { secretOf } from './credentials.ts'
import { handleError } from './handle-error.ts'
import { checkOrigin } from './origins.ts'
import { assignRequestId } from './request-id.ts'
import { logRequests } from './request-log.ts'
import { writeAnswer } from './write-answer.ts'

const { path: PATH, method: METHOD } = events.operation
const SCOPE = 'ingest'

/**
 * Serves the one request that comes by the thousand a second, a post of events, without the framework, whose routing
 * would take a third of its time. The steps and the handler are those of `serveRoutes`; everything else goes to `rest`.
 */
export function ingestLane(needs: ApiNeeds, rest: RequestListener): RequestListener {
  const keyring = new Keyring(needs)
  const log = logRequests(needs)
  const fail = handleError(needs.log)

  const serve = async (request: Request, response: Response): Promise<void> => {
    try {
      const caller = await keyring.authenticate(secretOf(request, true))
      if (!caller.key.scopes.includes(SCOPE)) throw new AppError('SCOPE_MISSING', `the key lacks the scope ${SCOPE}`)
      checkOrigin(caller, request, response)
      const context = { caller, request, response, params: undefined, query: undefined, body: undefined }
      writeAnswer(events.operation, await events.handle(context as never, needs), request, response)
    } catch (error) {
      fail(error, request, response, () => {})
    }
  }

  return (request, response) => {
    if (!isIngest(request)) {
      rest(request, response)
      return
    }
    const [ours, answer] = [request as Request, response as Response]
    answer.locals = { route: PATH }
    assignRequestId(ours, answer, () => {})
    log(ours, answer, () => {})
    void serve(ours, answer)
  }
}

function isIngest({ method, url = '' }: IncomingMessage): boolean {
  return method === METHOD.toUpperCase() && url.startsWith(PATH) && (url.length === PATH.length || url[PATH.length] === '?')
}
