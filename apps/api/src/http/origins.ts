import { AppError } from '@tallyfleet/domain'
import type { Caller } from '@tallyfleet/features'
import { isRevoked, type AccountStore, type Clock } from '@tallyfleet/ports'
import type { Request, Response } from 'express'

const KNOWN_MS = 3_000

/** Refuses a publishable key used from elsewhere, and lets its own pages read the answer. */
export function checkOrigin({ key }: Caller, request: Request, response: Response): void {
  if (!key.publishable) return
  const origin = request.headers.origin
  if (origin === undefined || !key.origins.includes(origin)) {
    throw new AppError('ORIGIN_FORBIDDEN', origin === undefined
      ? 'a publishable key works from web pages alone: the request names no origin'
      : `the key does not list the origin ${JSON.stringify(origin)}`)
  }
  allowOrigin(response, origin)
}

/**
 * Answers the preflight of a page before its key is known: an origin passes when any publishable key lists it.
 * @returns an Express handler
 */
export function preflight({ accounts, clock }: { accounts: AccountStore; clock: Clock }): (request: Request, response: Response) => Promise<void> {
  let origins: { list: Promise<Set<string>>; until: number } | undefined
  const load = async () => {
    const keys = await accounts.listKeys()
    return new Set(keys.flatMap((key) => (key.publishable && !isRevoked(key, clock.now()) ? key.origins : [])))
  }
  return async (request, response) => {
    // Without an origin no page asks, but somebody who wants to know what works here.
    if (request.headers.origin === undefined) {
      response.setHeader('allow', 'POST, OPTIONS')
      response.status(204).end()
      return
    }
    const now = performance.now()
    if (!origins || origins.until < now) {
      const list = load()
      origins = { list, until: now + KNOWN_MS }
      list.catch(() => { origins = undefined })
    }
    const { origin } = request.headers
    if (!(await origins.list).has(origin)) {
      throw new AppError('ORIGIN_FORBIDDEN', `no publishable key lists the origin ${JSON.stringify(origin)}`)
    }
    allowOrigin(response, origin)
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader('access-control-allow-headers',
      'content-type, content-encoding, authorization, x-api-key, x-request-id')
    response.setHeader('access-control-max-age', '600')
    response.status(204).end()
  }
}

function allowOrigin(response: Response, origin: string): void {
  response.setHeader('access-control-allow-origin', origin)
  response.setHeader('access-control-expose-headers', 'x-request-id, retry-after')
  response.setHeader('vary', 'origin')
}
