import { hash } from 'node:crypto'
import type { Envelope, Operation } from '@tallyfleet/api-contract'
import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { Answer } from './define-route.ts'
import { toCsv } from './to-csv.ts'

/**
 * Writes an answer as JSON or, for a list that is asked for so, as CSV. What is about days that are complete may be
 * kept and asked for again with `If-None-Match`; everything else is about now and not kept.
 */
export function writeAnswer(operation: Operation, answer: Answer, request: Request, response: Response): void {
  const { status = 200, body } = answer
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  const asCsv = operation.list !== undefined && wantsCsv(request)
  if (operation.list) response.vary('accept')
  if (operation.list && isEnvelope(body) && !body.meta.partial && request.method === 'GET') {
    const tag = `W/"${hash('sha256', JSON.stringify([asCsv, body.data, body.page]), 'base64url').slice(0, 27)}"`
    // An import may still add to days that are over, so each use asks again.
    response.setHeader('cache-control', 'private, no-cache')
    response.setHeader('etag', tag)
    if (request.headers['if-none-match']?.split(/\s*,\s*/).some((one) => one === '*' || one.replace(/^(?!W\/)/, 'W/') === tag)) {
      response.statusCode = 304
      response.end()
      return
    }
  }
  if (!asCsv || !isEnvelope(body)) {
    response.setHeader('content-type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(body))
    return
  }
  const { data, page: { nextCursor }, meta } = body
  if (nextCursor !== undefined) {
    const next = new URL(request.originalUrl, 'http://localhost')
    next.searchParams.set('cursor', nextCursor)
    response.setHeader('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  response.setHeader('x-data-through', meta.dataThrough ?? '')
  response.setHeader('x-partial', String(meta.partial))
  response.setHeader('content-type', 'text/csv; charset=utf-8; header=present')
  response.setHeader('content-disposition', `attachment; filename="${operation.id}.csv"`)
  response.end(answer.rows ? toCsv(answer.rows, undefined) : toCsv(rowsOf(data, operation.list!), rowSchemaOf(operation)))
}

/** `format` wins over `Accept`. */
function wantsCsv(request: Request): boolean {
  const { format } = request.query
  return format === undefined ? request.accepts(['json', 'csv']) === 'csv' : format === 'csv'
}

function isEnvelope(body: unknown): body is Envelope<unknown> {
  return typeof body === 'object' && body !== null && 'data' in body && 'meta' in body
}

function rowsOf(data: unknown, list: NonNullable<Operation['list']>): readonly unknown[] {
  return (list === true ? data : (data as Record<string, unknown>)[list]) as readonly unknown[]
}

function rowSchemaOf({ answers, list }: Operation): z.ZodType | undefined {
  const data = (answers[200]?.schema as { shape?: { data?: unknown } } | undefined)?.shape?.data as
    { element?: z.ZodType; shape?: Record<string, { element?: z.ZodType }> } | undefined
  return typeof list === 'string' ? data?.shape?.[list]?.element : data?.element
}
