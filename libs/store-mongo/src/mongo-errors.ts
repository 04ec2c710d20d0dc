import { AppError } from '@tallyfleet/domain'
import {
  MongoClientClosedError, MongoError, MongoErrorLabel, MongoNetworkError, MongoNotConnectedError,
  MongoOperationTimeoutError, MongoServerClosedError, MongoServerError, MongoServerSelectionError,
  MongoTopologyClosedError, MongoWriteConcernError,
} from 'mongodb'

const DUPLICATE_KEY = 11000

/** Driver errors that say that no server took the call, or that none said whether it did. */
const UNREACHABLE = [
  MongoClientClosedError, MongoNetworkError, MongoNotConnectedError, MongoOperationTimeoutError, MongoServerClosedError,
  MongoServerSelectionError, MongoTopologyClosedError, MongoWriteConcernError,
]

/** Classes of the pool that the driver does not export. */
const POOL_ERRORS = new Set(['MongoPoolClosedError', 'MongoWaitQueueTimeoutError'])

/** What Node.js says of a socket; the driver passes on as it is what a write to a half-closed one is answered. */
const SOCKET_CODES = new Set<unknown>([
  'EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH',
])

/** Server codes after which the same call may succeed later. */
const REPEATABLE_CODES = new Set([
  6, 7, 89, 9001, // host unreachable, host not found, network timeout, socket exception
  13, 18, // unauthorized, authentication failed: a credential that an operator is about to set right
  50, 262, // time limits
  64, 79, 100, // write concern not satisfied
  91, 189, 10107, 11600, 11602, 13435, 13436, // shutdown, step-down, not the primary
  112, // write conflict
  14031, // disk full
  16908292, // deadlock, as a server on top of PostgreSQL reports it
])

/** Whether a write was refused because a unique key is taken. The code alone tells: messages differ between servers. */
export function isDuplicate(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === DUPLICATE_KEY
}

/** Whether repeating the call can help. */
export function isRepeatable(error: unknown): boolean {
  if (!(error instanceof MongoError)) return error instanceof Error && 'code' in error && SOCKET_CODES.has(error.code)
  if (UNREACHABLE.some((kind) => error instanceof kind) || POOL_ERRORS.has(error.name)) return true
  if (error.hasErrorLabel(MongoErrorLabel.RetryableWriteError)) return true
  return error instanceof MongoServerError && isRepeatableCode(error.code)
}

export function isRepeatableCode(code: unknown): boolean {
  return typeof code === 'number' && REPEATABLE_CODES.has(code)
}

/** Runs `work`; what the server could not do now becomes STORE_UNAVAILABLE, mistakes of ours pass as they are. */
export async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translate(error)
  }
}

/** The error to throw for `error`: see {@link translated}. */
export function translate(error: unknown): unknown {
  if (!isRepeatable(error)) return error
  return new AppError('STORE_UNAVAILABLE', `mongodb did not answer: ${(error as Error).message}`, { cause: error })
}
