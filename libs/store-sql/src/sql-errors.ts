import { AppError } from '@tallyfleet/domain'

type DriverError = {
  code?: string
  /** MySQL's number. */
  errno?: number
  /** SQLite's extended result code. */
  errcode?: number
  fatal?: boolean
  sqlMessage?: string
  message?: string
}

/** MySQL: a deadlock, and a lock that was not freed in time. Both have rolled the transaction back or may do so. */
const LOCKED = new Set([1213, 1205])
const DUPLICATE = new Set([1062, 1555, 2067])
/** Values that a column refuses: null, no default, out of range, malformed, too long, duplicate, a CHECK. */
const REFUSED_VALUE = new Set([1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 3819, 4025])
/** Too many connections, shutting down, access denied, unknown database, killed, read-only. */
const UNREACHABLE = new Set([1040, 1044, 1045, 1049, 1053, 1203, 1205, 1213, 1290, 1317, 1836, 1927])
const NETWORK = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST', 'POOL_CLOSED', 'EACCES', 'EEXIST', 'ENOENT', 'ENOSPC', 'ENOTDIR', 'EPERM', 'EROFS',
])
/** SQLite's BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN. */
const SQLITE_UNREACHABLE = new Set([5, 6, 7, 8, 10, 13, 14])
/** SQLite's CORRUPT, NOTADB. */
const SQLITE_BROKEN = new Set([11, 26])

/** Whether the transaction lost against another one and may simply run again. */
export function isDeadlock(error: unknown): boolean {
  return LOCKED.has((error as DriverError).errno ?? 0)
}

/** Whether a unique index refused the row. */
export function isDuplicate(error: unknown): boolean {
  const { errno, errcode } = error as DriverError
  return DUPLICATE.has(errcode ?? errno ?? 0)
}

/** Whether a column or a constraint refused a value. */
export function isRefusedValue(error: unknown): boolean {
  const { errno, errcode } = error as DriverError
  return errcode !== undefined ? (errcode & 0xff) === 19 || (errcode & 0xff) === 20 : REFUSED_VALUE.has(errno ?? 0)
}

/** The driver's error as one of ours, with its cause; mistakes of ours pass as they are. */
export function translateSqlError(error: unknown, name: string): unknown {
  if (error instanceof AppError) return error
  const { code, errno, errcode, fatal, sqlMessage, message } = error as DriverError
  const text = `${name}: ${sqlMessage ?? message ?? code}`
  if (errcode !== undefined) {
    const primary = errcode & 0xff
    if (SQLITE_UNREACHABLE.has(primary)) return new AppError('STORE_UNAVAILABLE', text, { cause: error })
    if (SQLITE_BROKEN.has(primary)) return new AppError('STORE_REFUSED', text, { cause: error })
    return error
  }
  const gone = fatal === true || NETWORK.has(code ?? '') || UNREACHABLE.has(errno ?? 0) || message === 'Pool is closed.'
  return gone ? new AppError('STORE_UNAVAILABLE', text, { cause: error }) : error
}
