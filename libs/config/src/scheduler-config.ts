import { z } from 'zod'

/** Settings of a scheduler process. */
export const schedulerConfig = z.object({
  FLUSH_INTERVAL_MS: z.coerce.number().int().min(100).max(3_600_000).default(60_000)
    .describe('How often hot counters are flushed into rollups'),
  FLUSH_EARLY_FIELDS: z.coerce.number().int().min(1).default(50_000)
    .describe('So many fields in the hot counters bring a flush forward'),
  SCHEDULER_HTTP_HOST: z.string().default('127.0.0.1').describe('Address of the scheduler\'s health server'),
  SCHEDULER_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).optional()
    .describe('Port of the scheduler\'s health server (/livez, /readyz, /metrics); unset: none'),
})

export type SchedulerConfig = Readonly<z.output<typeof schedulerConfig>>
