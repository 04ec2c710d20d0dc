import { z } from 'zod'

/** Settings of the HTTP API. */
export const apiConfig = z.object({
  HTTP_HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080).describe('Port to listen on; 0 = any, printed.'),
  HTTP_TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0)
    .describe('How many proxies stand in front; their X-Forwarded headers are believed.'),
  API_PROCESSES: z.coerce.number().int().min(1).max(64).default(1).describe('Processes that share the port.'),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(0).default(1000)
    .describe('Requests a minute for a key, reads and admin, counted over all processes; 0 = off.'),
  INGEST_EVENTS_PER_MINUTE: z.coerce.number().int().min(0).default(60_000)
    .describe('Events a minute for a key that has no limit of its own; 0 = off.'),
  METRICS_TOKEN: z.string().min(8).optional().describe('Bearer token that /metrics asks for; unset: open.'),
})

export type ApiConfig = Readonly<z.output<typeof apiConfig>>
