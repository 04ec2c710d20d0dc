type Fields = Record<string, unknown>

/** A structured logger. The message is fixed and lower-case; every value goes into `fields`. */
export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  fatal(fields: Fields, message: string): void
  child(fields: Fields): Log
}

/** Says nothing. For commands whose output is their answer, and for tests. */
export const silentLog: Log = {
  debug() {}, info() {}, warn() {}, error() {}, fatal() {},
  child: () => silentLog,
}
