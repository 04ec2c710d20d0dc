import { AppError } from '@tallyfleet/domain'
import type { Caller } from '@tallyfleet/features'
import type { RequestCounts } from '@tallyfleet/ports'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { rateLimit } from 'express-rate-limit'
import { SharedLimitStore } from './shared-limit-store.ts'

/**
 * Limits requests a minute for each key, with the draft-8 `RateLimit` headers, over all processes that share `counts`.
 * Events are limited elsewhere, in the hot store. Expects `response.locals.caller`.
 */
export function limitRequests(perMinute: number, counts?: RequestCounts): RequestHandler {
  if (perMinute === 0) return (_request, _response, next) => next()
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    ...(counts && { store: new SharedLimitStore(counts, 'key') }),
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: `${perMinute}-in-1min`,
    validate: { keyGeneratorIpFallback: false },
    keyGenerator: (_request, response) => (response.locals.caller as Caller).key.id,
    handler: (_request: Request, response: Response, next: NextFunction) => {
      const retryAfterSeconds = Number(response.getHeader('retry-after') ?? 60)
      next(new AppError('LIMIT_REACHED', `the key may ask ${perMinute} times a minute`, { details: { retryAfterSeconds } }))
    },
  })
}
