import type { Log } from '@tallyfleet/ports'
import { pino, stdSerializers, type DestinationStream } from 'pino'
import { z } from 'zod'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Settings of the log. */
export const loggingConfig = z.object({
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info').describe('The lowest level that is written.'),
})

const SECRET_FIELDS = [
  'authorization', 'cookie', 'set-cookie', 'x-api-key', 'password', 'token', 'secret', 'key', 'email', 'ip',
]

/** Each secret field at the top and one, two, three levels down: `err.details.token`, `req.headers.cookie`. */
const REDACTED = SECRET_FIELDS.flatMap((field) =>
  ['', '*', '*.*', '*.*.*'].map((parent) => `${parent}["${field}"]`))

const CREDENTIALS = /:\/\/[^\s/@]*@/g

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
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: { paths: REDACTED, censor: '[removed]' },
  }
  return destination ? pino(options, destination) : pino(options)
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { message, stack, ...rest } = stdSerializers.errWithCause(error) as ReturnType<typeof stdSerializers.err>
  return { ...rest, message: message.replace(CREDENTIALS, '://'), stack: stack.replace(CREDENTIALS, '://') }
}
