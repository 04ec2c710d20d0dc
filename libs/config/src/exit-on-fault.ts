import { toAppError } from '@tallyfleet/domain'
import type { Log } from './until-stopped.ts'

/** The exit code that a failed process tells its starter: 2 usage · 4 config · 5 a dependency · 1 anything else. */
export function exitCodeOf(error: unknown): 1 | 2 | 4 | 5 {
  const { code, kind } = toAppError(error)
  if (code === 'USAGE_INVALID') return 2
  if (code === 'CONFIG_INVALID') return 4
  return kind === 'unavailable' ? 5 : 1
}

/** A parent that does not listen must not keep the process from ending. */
const TELL_MS = 1_000

let installed: ((error: unknown) => void) | undefined

/**
 * Ends the process on an error that nobody caught, a rejected top-level await among them: one `fatal` line, then
 * {@link exitCodeOf}. Never drains: after such an error the state is unknown. A fault of the settings is told to the
 * parent process as well (`{ fault: message }`). Call it first without a log, so that a faulty environment is told in
 * plain words, and again once there is a log.
 */
export function exitOnFault(log?: Pick<Log, 'fatal'>): void {
  if (installed) process.off('uncaughtException', installed)
  installed = (error) => {
    if (log) log.fatal({ err: error }, 'uncaught error')
    else process.stderr.write(`${error instanceof Error ? plainly(error) : String(error)}\n`)
    const exit = () => process.exit(exitCodeOf(error))
    if (exitCodeOf(error) !== 4 || !process.connected) return exit()
    process.send!({ fault: (error as Error).message }, exit)
    setTimeout(exit, TELL_MS)
  }
  process.on('uncaughtException', installed)
}

/** A stack helps with a bug of ours; a fault of the environment is told by its message. */
function plainly(error: Error): string {
  return exitCodeOf(error) === 1 ? (error.stack ?? error.message) : error.message
}
