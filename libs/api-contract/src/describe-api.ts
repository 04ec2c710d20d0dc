import { createDocument } from 'zod-openapi'
import type { Operation } from './operation.ts'
import { problemSchema } from './problem.ts'

export type ApiDocument = ReturnType<typeof createDocument>

const PROBLEMS: Record<number, string> = {
  400: 'Not JSON, a broken encoding, or nested too deeply',
  401: 'No key, or an unknown or revoked one',
  403: 'The key may not do this',
  404: 'Not there',
  409: 'Conflicts with what is there',
  413: 'The body is larger than the limit',
  415: 'Content type or encoding not supported',
  422: 'Breaks the contract; `errors` names each fault',
  429: 'The limit of the key is used up; see `Retry-After`',
  500: 'An error of our own',
  503: 'A store does not answer, or load is shed; see `Retry-After`',
}

/** The OpenAPI 3.1 document of the operations. Pure: the same operations give the same document. */
export function describeApi(operations: readonly Operation[], version: string): ApiDocument {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = describe(operation)
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tallyfleet',
      version,
      description: 'Counts events exactly once, and proves it. Errors are RFC 9457 problems with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        beacon: { type: 'apiKey', in: 'query', name: 'key', description: 'Publishable keys alone, to send events' },
      },
    },
  })
}

function describe(operation: Operation) {
  const { scope, params, query, body, answers } = operation
  const statuses = [
    ...(scope ? [401, 403, 429] : []), ...(body ? [400, 413, 415] : []), ...(params || query || body ? [422] : []),
    500, 503, ...(operation.problems ?? []),
  ]
  const responses: Record<string, object> = {}
  for (const [status, { description, schema, type }] of Object.entries(answers)) {
    const csv = operation.list && { 'text/csv': { schema: { type: 'string' as const } } }
    responses[status] = { description, ...(schema && { content: { [type ?? 'application/json']: { schema }, ...csv } }) }
  }
  if (operation.list) responses[304] = { description: 'The same as the `ETag` in `If-None-Match`' }
  for (const status of [...new Set(statuses)].sort()) {
    responses[status] = {
      description: PROBLEMS[status]!, content: { 'application/problem+json': { schema: problemSchema } },
    }
  }
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description && { description: operation.description }),
    security: scope
      ? [{ bearer: [] }, { header: [] }, ...(scope === 'ingest' ? [{ beacon: [] }] : [])]
      : [],
    ...(scope && { 'x-scope': scope }),
    ...((params || query) && { requestParams: { ...(params && { path: params }), ...(query && { query }) } }),
    ...(body && {
      requestBody: {
        required: true,
        content: Object.fromEntries(body.types.map((type) => [type, {
          schema: body.schema, ...(body.example !== undefined && { example: body.example }),
        }])),
      },
    }),
    responses,
  }
}
