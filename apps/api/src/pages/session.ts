import { AppError } from '@tallyfleet/domain'
import { findSessionUser, SESSION_SECONDS } from '@tallyfleet/features'
import { ROLES, type Role, type User } from '@tallyfleet/ports'
import type { CookieOptions, Request, RequestHandler, Response } from 'express'
import type { ApiNeeds } from '../needs.ts'

const COOKIE = 'tallyfleet_session'
/** Who may change something; the others may look. */
export const ACTING: readonly Role[] = ['operator', 'admin']
/** Everybody: for what people change about themselves. */
export const ANYONE: readonly Role[] = ROLES
const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The session token that the request carries. */
export function sessionTokenOf(request: Request): string | undefined {
  const cookies = request.headers.cookie?.split(/; */) ?? []
  return cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1)
}

export function setSessionCookie(request: Request, response: Response, token: string): void {
  response.cookie(COOKIE, token, { ...cookieOptions(request), maxAge: SESSION_SECONDS * 1_000 })
}

export function clearSessionCookie(request: Request, response: Response): void {
  response.clearCookie(COOKIE, cookieOptions(request))
}

function cookieOptions(request: Request): CookieOptions {
  return { httpOnly: true, sameSite: 'strict', secure: request.secure, path: '/' }
}

/**
 * Refuses changes that another site started: browsers say where a request comes from, other clients say nothing.
 * Sec-Fetch-Site decides where it is sent, because a page without referrer has the origin `null`.
 */
export const refuseForeignChanges: RequestHandler = (request, _response, next) => {
  if (READING.has(request.method)) return next()
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  const isForeign = site !== undefined ? site !== 'same-origin' && site !== 'none'
    : origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== request.host)
  if (isForeign) throw new AppError('ORIGIN_FORBIDDEN', 'this change was started by another site')
  next()
}

/**
 * Lets logged-in people in, `response.locals.user` from then on; changes only for the roles that are named. A browser
 * without a session is sent to the login.
 */
export function requireLogin(needs: ApiNeeds, changing: readonly Role[] = ACTING): RequestHandler {
  return async (request, response, next) => {
    const token = sessionTokenOf(request)
    const user = token === undefined ? undefined : await findSessionUser(token, needs)
    response.setHeader('cache-control', 'no-store')
    if (!user && READING.has(request.method) && (request.headers.accept ?? '').includes('text/html')) {
      return response.redirect(303, `/login?next=${encodeURIComponent(request.originalUrl)}`)
    }
    if (!user) throw new AppError('LOGIN_REQUIRED', 'log in at /login')
    if (!READING.has(request.method) && !changing.includes(user.role)) {
      throw new AppError('ROLE_MISSING', `a ${user.role} may look, not change`)
    }
    response.locals.user = user
    next()
  }
}

export function userOf(response: Response): User {
  return response.locals.user as User
}
