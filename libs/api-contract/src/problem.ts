import { ERROR_CODES, type ErrorCode } from '@tallyfleet/domain'
import { z } from 'zod'

const code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])

/** RFC 9457 problem details, as every error of the API answers them. */
export const problemSchema = z.object({
  type: z.string().meta({ description: 'Where the code is explained', example: '/docs/errors#LIMIT_REACHED' }),
  title: z.string(),
  status: z.int(),
  code: code.meta({ id: 'ErrorCode' }),
  detail: z.string(),
  instance: z.string().meta({ description: 'The path that was asked for' }),
  requestId: z.string(),
  errors: z.array(z.object({
    pointer: z.string().meta({ description: 'RFC 6901, from the event or the body', example: '/entity_id' }),
    code,
    detail: z.string(),
  })).optional(),
}).catchall(z.json()).meta({ id: 'Problem' })

export type Problem = z.output<typeof problemSchema>
