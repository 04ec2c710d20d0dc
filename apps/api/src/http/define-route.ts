import type { Operation } from '@tallyfleet/api-contract'
import { MAX_DEPTH } from '@tallyfleet/domain'
import type { Caller } from '@tallyfleet/features'
import type { Request, Response } from 'express'
import type { z } from 'zod'
import type { ApiNeeds } from '../needs.ts'

export type Answer = {
  status?: number
  body: unknown
  /** What a list is as CSV, where that is not its rows as they are. */
  rows?: readonly unknown[]
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined

/** What a handler gets: everything is checked already. */
export type RouteContext<Op extends Operation> = {
  caller: Caller
  params: Parsed<Op['params']>
  query: Parsed<Op['query']>
  body: Parsed<Op['body'] extends { schema: infer Schema } ? Schema : undefined>
  request: Request
  response: Response
}

/** One endpoint: what it is, and what it does. */
export type Route = {
  operation: Operation
  /** Reads and checks the body itself. */
  readsBody: boolean
  /** Levels that the JSON of its body may be nested. */
  maxDepth: number
  handle(context: RouteContext<Operation>, needs: ApiNeeds): Promise<Answer>
}

/** Binds a handler to its operation, so that it sees the types which the schemas promise. */
export function defineRoute<const Op extends Operation>(
  operation: Op, handle: (context: RouteContext<Op>, needs: ApiNeeds) => Promise<Answer>,
  { readsBody = false, maxDepth = MAX_DEPTH } = {},
): Route {
  return { operation, readsBody, maxDepth, handle: handle as Route['handle'] }
}
