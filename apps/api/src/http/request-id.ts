import { randomUUIDv7 } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'

const ACCEPTED = /^[A-Za-z0-9._:-]{1,128}$/

/** Gives every request an id, the caller's own when it is a plain token, and echoes it. */
export function assignRequestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id']
  const id = typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUIDv7()
  response.locals.requestId = id
  response.setHeader('x-request-id', id)
  response.setHeader('x-content-type-options', 'nosniff')
  next()
}

export function requestIdOf(response: Response): string {
  return response.locals.requestId as string
}
