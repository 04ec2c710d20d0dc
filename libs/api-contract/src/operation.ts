import type { z } from 'zod'

/** One operation of the API: what its documents say, and what its route is checked against. */
export type Operation = {
  method: 'get' | 'post' | 'put' | 'delete'
  /** OpenAPI form: `/api/v1/keys/{id}`. */
  path: string
  /** Unique, camelCase. */
  id: string
  tag: string
  summary: string
  description?: string
  /** Scope that a key needs; undefined: open to all. */
  scope: 'ingest' | 'read' | 'admin' | undefined
  /** People who are operators may too: it is about running the fleet, not about who may do what. */
  operators?: true
  params?: z.ZodObject
  query?: z.ZodObject
  /**
   * The answer is a list, also to be had as CSV (its query takes `format`) and with an `ETag`: `data` itself, or the
   * field of `data` that holds the rows.
   */
  list?: true | string
  body?: { schema: z.ZodType; types: readonly string[]; example?: unknown }
  /** Successful answers by status. */
  answers: Record<number, { description: string; schema?: z.ZodType; type?: string }>
  /** Statuses of problems beside those that every operation may answer. */
  problems?: readonly number[]
}
