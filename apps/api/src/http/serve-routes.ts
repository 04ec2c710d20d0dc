import { AppError, faultsOf, type Fault } from '@tallyfleet/domain'
import { actorOf, appendAudit, callerOfSession, Keyring, type Caller } from '@tallyfleet/features'
import { Router, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import type { z } from 'zod'
import type { ApiNeeds } from '../needs.ts'
import { ACTING, refuseForeignChanges, sessionTokenOf } from '../pages/session.ts'
import { hasSecret, secretOf } from './credentials.ts'
import type { Route } from './define-route.ts'
import { limitRequests } from './limit-requests.ts'
import { checkOrigin, preflight } from './origins.ts'
import { parseJson } from './parse-json.ts'
import { readBody } from './read-body.ts'
import { writeAnswer } from './write-answer.ts'

const MAX_ADMIN_BODY_BYTES = 65_536

/** Serves routes: who asks, may they, how often, is the input right, then the handler. In this order, for each. */
export function serveRoutes(routes: readonly Route[], needs: ApiNeeds): Router {
  const router = Router({ caseSensitive: true, strict: false })
  const keyring = new Keyring(needs)
  const limit = limitRequests(needs.config.RATE_LIMIT_PER_MINUTE, needs.requests)
  const methods = new Map<string, string[]>()
  for (const route of routes) {
    const path = route.operation.path.replace(/\{(\w+)\}/g, ':$1')
    const steps: RequestHandler[] = [authenticate(route, keyring, needs)]
    if (route.operation.scope !== 'ingest') steps.push(limit)
    router[route.operation.method](path, noteRoute(route.operation.path), ...steps, run(route, needs))
    const allowed = { get: ['GET', 'HEAD'], post: ['POST'], put: ['PUT'], delete: ['DELETE'] }[route.operation.method]
    methods.set(path, [...(methods.get(path) ?? []), ...allowed])
    if (route.operation.scope === 'ingest') router.options(path, noteRoute(route.operation.path), preflight(needs))
  }
  for (const [path, allowed] of methods) {
    router.all(path, noteRoute(path), (request, response) => {
      response.setHeader('allow', allowed.join(', '))
      throw new AppError('METHOD_UNKNOWN', `${request.method} is not one of ${allowed.join(', ')}`)
    })
  }
  return router
}

/** Keeps the route's pattern for the metrics: an address itself would make a label of every entity. */
export function noteRoute(pattern: string): RequestHandler {
  return (_request, response, next) => {
    response.locals.route = pattern
    next()
  }
}

function authenticate({ operation: { scope, operators } }: Route, keyring: Keyring, needs: ApiNeeds): RequestHandler {
  return async (request: Request, response: Response, next: NextFunction) => {
    const session = scope === 'ingest' || hasSecret(request) ? undefined : sessionTokenOf(request)
    if (session !== undefined) return await authenticateSession(session)
    const caller = await keyring.authenticate(secretOf(request, scope === 'ingest'))
    if (scope && !caller.key.scopes.includes(scope)) throw new AppError('SCOPE_MISSING', `the key lacks the scope ${scope}`)
    checkOrigin(caller, request, response)
    response.locals.caller = caller
    next()

    async function authenticateSession(token: string): Promise<void> {
      // The browser sends the cookie by itself, so another site could have started a change.
      refuseForeignChanges(request, response, () => {})
      const tenant = request.headers['x-tenant']
      const person = await callerOfSession(token, typeof tenant === 'string' ? tenant : undefined, needs)
      if (!person) throw new AppError('LOGIN_REQUIRED', 'the session is over: log in at /login')
      const isOperator = operators && ACTING.includes(person.user.role)
      if (scope && !isOperator && !person.key.scopes.includes(scope)) {
        throw new AppError('ROLE_MISSING', `a ${person.user.role} may not do this: it needs the scope ${scope}`)
      }
      response.locals.caller = person
      next()
    }
  }
}

function run(route: Route, needs: ApiNeeds): RequestHandler {
  const { params, query, body, scope, method, id } = route.operation
  return async (request, response) => {
    const caller = response.locals.caller as Caller
    const isChange = scope === 'admin' && method !== 'get'
    const target = () => `${caller.tenant.id}${request.path}`
    try {
      const context = {
        caller, request, response,
        params: check(params, request.params, 'PARAMETER_INVALID'),
        query: check(query, request.query, 'PARAMETER_INVALID'),
        body: body && !route.readsBody
          ? check(body.schema, parseJson(await readBody(request, MAX_ADMIN_BODY_BYTES), route.maxDepth), 'FIELD_INVALID')
          : undefined,
      } as Parameters<Route['handle']>[0]
      const answer = await route.handle(context, needs)
      if (isChange) {
        await appendAudit({ actor: actorOf(caller), action: id, target: target(), detail: {}, outcome: 'ok' }, needs)
      }
      writeAnswer(route.operation, answer, request, response)
    } catch (error) {
      if (isChange) {
        const code = error instanceof AppError ? error.code : 'BUG'
        await appendAudit(
          { actor: actorOf(caller), action: id, target: target(), detail: { code }, outcome: 'failed' }, needs,
        ).catch((cause: unknown) => needs.log.error({ err: cause }, 'audit entry not written'))
      }
      throw error
    }
  }
}

function check(schema: z.ZodType | undefined, input: unknown, code: 'PARAMETER_INVALID' | 'FIELD_INVALID'): unknown {
  if (!schema) return undefined
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const faults: Fault[] = parsed.error.issues.flatMap(faultsOf)
  const errors = code === 'FIELD_INVALID' ? faults : faults.map((fault) => ({ ...fault, code }))
  const [first] = errors
  const what = code === 'FIELD_INVALID' ? 'the body' : 'the request'
  throw new AppError(code, `${what} has faults: ${first!.pointer || '/'} ${first!.detail}`, { details: { errors } })
}
