import { AppError } from '@tallyfleet/domain'
import { appendAudit, checkPassword, claimLoginLink, endSession, setPassword, startSession } from '@tallyfleet/features'
import { Router, urlencoded, type Request, type RequestHandler, type Response } from 'express'
import { rateLimit } from 'express-rate-limit'
import { SharedLimitStore } from '../http/shared-limit-store.ts'
import type { ApiNeeds } from '../needs.ts'
import { contentPolicy } from './content-policy.ts'
import { escapeHtml, htmlPage } from './html-page.ts'
import {
  ANYONE, clearSessionCookie, refuseForeignChanges, requireLogin, sessionTokenOf, setSessionCookie, userOf,
} from './session.ts'

const HOME = '/'
const WINDOW_MS = 15 * 60_000
const FAILURES_BY_ADDRESS = 20
const FAILURES_BY_NAME = 10

/** The login for people: name and password, and the link that the first administrator gets. */
export function loginPages(needs: ApiNeeds): Router {
  const router = Router()
  const form = urlencoded({ extended: false, limit: '4kb' })
  router.use(['/login', '/logout'], contentPolicy(), refuseForeignChanges, (_request, response, next) => {
    response.set({ 'cache-control': 'no-store', 'referrer-policy': 'same-origin' })
    next()
  })

  router.get('/login', (request, response) => sendLogin(response, nextOf(request.query['next'])))
  const throttles = [
    throttle(needs, 'login-address', FAILURES_BY_ADDRESS), throttle(needs, 'login-name', FAILURES_BY_NAME, nameOf),
  ]
  router.post('/login', form, throttles, async (request: Request, response: Response) => {
    const { password, next: wanted } = fieldsOf(request)
    const next = nextOf(wanted)
    try {
      const user = await checkPassword(nameOf(request), typeof password === 'string' ? password : '', needs)
      await logIn(request, response, user, 'login')
      response.redirect(303, next)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'LOGIN_FAILED')) throw error
      await note(nameOf(request), 'login', 'failed')
      response.status(401)
      sendLogin(response, next, 'Name and password do not match.')
    }
  })

  router.get('/login/link/:token', throttle(needs, 'link-address', FAILURES_BY_ADDRESS), async (request, response) => {
    await logIn(request, response, await claimLoginLink(String(request.params['token']), needs), 'login-link')
    response.redirect(303, '/login/password')
  })

  router.get('/login/password', requireLogin(needs), (_request, response) => sendPassword(response))
  router.post('/login/password', form, requireLogin(needs, ANYONE), async (request, response) => {
    const { password } = fieldsOf(request)
    try {
      await setPassword(userOf(response), typeof password === 'string' ? password : '', needs)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'FIELD_INVALID')) throw error
      response.status(422)
      return sendPassword(response, error.message)
    }
    await note(userOf(response).name, 'set-password', 'ok')
    response.redirect(303, HOME)
  })

  router.post('/logout', async (request, response) => {
    const token = sessionTokenOf(request)
    if (token !== undefined) await endSession(token, needs)
    clearSessionCookie(request, response)
    response.redirect(303, '/login')
  })
  return router

  async function logIn(request: Request, response: Response, user: Parameters<typeof startSession>[0], action: string) {
    setSessionCookie(request, response, await startSession(user, needs))
    await note(user.name, action, 'ok')
  }

  function note(name: string, action: string, outcome: 'ok' | 'failed'): Promise<void> {
    return appendAudit({ actor: `user:${name.slice(0, 64)}`, action, target: '/login', detail: {}, outcome }, needs)
  }
}

/** Counts failures alone, over all processes. */
function throttle({ requests }: ApiNeeds, name: string, failures: number, keyOf?: (request: Request) => string): RequestHandler {
  return rateLimit({
    windowMs: WINDOW_MS, limit: failures, skipSuccessfulRequests: true, standardHeaders: false, legacyHeaders: false,
    ...(keyOf && { keyGenerator: keyOf }), ...(requests && { store: new SharedLimitStore(requests, name) }),
    validate: { keyGeneratorIpFallback: false },
    handler: (_request, response, next) => {
      const retryAfterSeconds = Number(response.getHeader('retry-after') ?? WINDOW_MS / 1_000)
      next(new AppError('LIMIT_REACHED', 'too many failed logins', { details: { retryAfterSeconds } }))
    },
  })
}

/** The fields of the form; none when the body is of another type. */
function fieldsOf(request: Request): Record<string, unknown> {
  return (request.body ?? {}) as Record<string, unknown>
}

function nameOf(request: Request): string {
  const { name } = fieldsOf(request)
  return typeof name === 'string' ? name.slice(0, 128) : ''
}

/** Where to go after the login: a path of this site, nothing else. */
function nextOf(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : HOME
}

function sendLogin(response: Response, next: string, fault?: string): void {
  response.type('html').send(htmlPage('Log in', `${alertOf(fault)}<form method="post" action="/login">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<label>Name <input name="name" autocomplete="username" required maxlength="128"></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required maxlength="256"></label>
<button>Log in</button></form>
<p>No account yet? <code>./fleet up</code> prints a link for the first administrator.</p>`))
}

function sendPassword(response: Response, fault?: string): void {
  response.type('html').send(htmlPage('Set a password', `${alertOf(fault)}<p>You are logged in as
<strong>${escapeHtml(userOf(response).name)}</strong>. Choose a password for the next time.</p>
<form method="post" action="/login/password">
<label>Password, 10 to 256 characters <input name="password" type="password" autocomplete="new-password" required
minlength="10" maxlength="256"></label><button>Save</button></form><p><a href="${HOME}">Not now</a></p>`))
}

function alertOf(fault: string | undefined): string {
  return fault === undefined ? '' : `<p role="alert">${escapeHtml(fault)}</p>`
}
