import type { Log } from '@tallyfleet/ports'
import { pino, type DestinationStream, type Logger } from 'pino'
import { z } from 'zod'
import { removeSecrets } from './remove-secrets.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Settings of the log. */
export const loggingConfig = z.object({
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('The lowest level that is written.'),
})

/**
 * Opens the log of a process: one JSON object a line with `level`, `time` (ISO 8601), `app` and `pid`, to stdout unless
 * `destination` says otherwise. Fields named like a secret or personal datum are written as `[removed]`; URLs inside
 * errors lose their credentials.
 */
export function createLogger(
  { app, level = 'info', destination }: { app: string; level?: LogLevel; destination?: DestinationStream },
): Log {
  const options = {
    level,
    base: { app, pid: process.pid },
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // A list of paths for pino's own redaction cost a worker a quarter of its processor time.
    formatters: { level: (label: string) => ({ level: label }), log: removeSecrets },
    serializers: { err: (error: unknown) => error },
  }
  return withCleanChildren(destination ? pino(options, destination) : pino(options))
}

/** Pino formats the fields of a line, but not those of a child. Children inherit this from their parent. */
function withCleanChildren(logger: Logger): Log {
  const { child } = logger
  logger.child = function (this: Logger, fields: Record<string, unknown>) {
    return child.call(this, removeSecrets(fields))
  } as Logger['child']
  return logger
}
