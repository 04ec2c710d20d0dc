import { z } from 'zod'

/** Settings of a worker process. */
export const workersConfig = z.object({
  FLEET_QUEUES: z.string().optional()
    .describe('Queues that a worker serves, each with how many of its jobs run at a time: `flush:2,sync`. '
      + 'Unset: all, two at a time'),
  FLEET_RELEASE: z.string().max(64).default('unnamed')
    .describe('What `./fleet jobs rollout` calls the code of this worker'),
  WORKER_DRAIN_MS: z.coerce.number().int().min(0).max(600_000).default(20_000)
    .describe('How long running jobs may go on after SIGTERM before they are handed to another worker; '
      + 'the process ends 5 s later at the latest'),
  WORKER_REDIS_LOG: z.enum(['required', 'optional']).default('required')
    .describe('Whether a worker refuses a Redis without an append-only file, which a restart would rob of its jobs. '
      + '`optional`: a managed server that keeps them in another way'),
  WORKER_HTTP_HOST: z.string().default('127.0.0.1').describe('Address of the worker\'s health server'),
  WORKER_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).optional()
    .describe('Port of the worker\'s health server (/livez, /readyz, /metrics); unset: none'),
})

export type WorkersConfig = Readonly<z.output<typeof workersConfig>>
