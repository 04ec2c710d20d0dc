import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

export const neverEnds = defineJob({
  name: 'never-ends', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 300_000, timeoutMs: 600_000, attempts: 2,
})
