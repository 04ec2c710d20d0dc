import type { ServerResponse } from 'node:http'
import type { Problem } from '@tallyfleet/api-contract'
import { ERROR_CODES, type AppError, type ErrorCode, type ErrorKind } from '@tallyfleet/domain'

const STATUS_BY_KIND: Record<ErrorKind, number> = {
  invalid: 422, unauthenticated: 401, forbidden: 403, 'not-found': 404, conflict: 409, 'rate-limited': 429,
  unavailable: 503, internal: 500,
}

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  BODY_NOT_JSON: 400,
  BODY_TOO_DEEP: 400,
  BODY_TOO_LARGE: 413,
  BODY_TYPE_UNSUPPORTED: 415,
  METHOD_UNKNOWN: 405,
  // Over HTTP the promise is "repeat it": a client that meets 409 may drop its events.
  SHARD_STOPPED: 503,
}

const RETRY_AFTER_SECONDS: Partial<Record<ErrorCode, number>> = { OVERLOADED: 5, SHARD_STOPPED: 30 }

/** The HTTP status of an error code. */
export function statusOf(code: ErrorCode): number {
  return STATUS_BY_CODE[code] ?? STATUS_BY_KIND[ERROR_CODES[code][0]]
}

/** Answers an error as RFC 9457 problem details. What a store or a bug said stays in the log. */
export function writeProblem(response: ServerResponse, error: AppError, instance: string, requestId: string): void {
  const status = statusOf(error.code)
  const { errors, retryAfterSeconds, ...details } = error.details
  const problem: Problem = {
    ...(status < 500 && (details as Record<string, never>)),
    type: `/docs/errors#${error.code}`,
    title: ERROR_CODES[error.code][1],
    status,
    code: error.code,
    detail: status < 500 ? error.message : ERROR_CODES[error.code][1],
    instance,
    requestId,
    ...(errors && { errors }),
  }
  if (status === 401) response.setHeader('www-authenticate', 'Bearer')
  if (status === 429 || status === 503) {
    response.setHeader('retry-after', String(retryAfterSeconds ?? RETRY_AFTER_SECONDS[error.code] ?? 2))
  }
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/problem+json; charset=utf-8')
  response.statusCode = status
  response.end(JSON.stringify(problem))
}

/** The page docs/errors.md: every code with its status, from the registry. */
export function errorsMarkdown(): string {
  const rows = (Object.keys(ERROR_CODES) as ErrorCode[])
    .map((code) => `| <a id="${code}"></a>\`${code}\` | ${statusOf(code)} | ${ERROR_CODES[code][0]} | ${ERROR_CODES[code][1]} |`)
  return [
    '# Error codes', '',
    'Generated from the registry. Over HTTP an error is an RFC 9457 problem with `code`, `detail`, `requestId` and,',
    'where fields are at fault, `errors` with a pointer each. 429 and 503 say in `Retry-After` when to come back.', '',
    '| code | status | kind | meaning |', '|---|---|---|---|', ...rows, '',
  ].join('\n')
}
