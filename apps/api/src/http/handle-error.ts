import { AppError, toAppError } from '@tallyfleet/domain'
import type { Log } from '@tallyfleet/ports'
import type { ErrorRequestHandler } from 'express'
import { writeProblem } from './error-response.ts'
import { pathOf } from './path-of.ts'
import { requestIdOf } from './request-id.ts'

/** The end of every failed request: one problem document, and a log line where a person should look. */
export function handleError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem = read(error)
    const requestId = requestIdOf(response)
    if (problem.kind === 'internal') log.error({ err: error, requestId }, 'bug in a request')
    else if (problem.kind === 'unavailable') log.warn({ err: error, requestId }, 'request met a store that is away')
    if (response.headersSent) response.destroy()
    else writeProblem(response, problem, pathOf(request), requestId)
  }
}

function read(error: unknown): AppError {
  // Express itself refuses a path whose percent encoding is broken.
  if (error instanceof URIError) {
    return new AppError('PARAMETER_INVALID', 'the path is not percent-encoded UTF-8', { cause: error })
  }
  // What Express's own parsers of forms refuse.
  const { status } = error as { status?: unknown }
  if (status === 413) return new AppError('BODY_TOO_LARGE', 'the body is too large', { cause: error })
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new AppError('BODY_NOT_JSON', 'the body cannot be read', { cause: error })
  }
  return toAppError(error)
}
