/** What went wrong, without a word about transport; one table maps a kind to HTTP, one to a job's outcome. */
export type ErrorKind =
  | 'invalid' | 'unauthenticated' | 'forbidden' | 'not-found' | 'conflict' | 'rate-limited' | 'unavailable' | 'internal'

/** Every code that leaves the house, with its kind and what it means. `docs/errors.md` is generated from this. */
export const ERROR_CODES = {
  BODY_NOT_JSON: ['invalid', 'The body is not JSON, not UTF-8, or its compression is broken.'],
  BODY_TOO_DEEP: ['invalid', 'JSON is nested deeper than 8 levels.'],
  BODY_TOO_LARGE: ['invalid', 'The body, before or after decompression, is larger than the limit.'],
  BODY_TYPE_UNSUPPORTED: ['invalid', 'The content type or encoding is not one that this endpoint reads.'],
  BATCH_EMPTY: ['invalid', 'A batch holds no event.'],
  BATCH_TOO_LONG: ['invalid', 'A batch holds more than 1,000 events.'],
  EVENT_INVALID: ['invalid', 'An event breaks the contract; `errors` lists each fault with its pointer.'],
  FIELD_MISSING: ['invalid', 'A required field is absent.'],
  FIELD_UNKNOWN: ['invalid', 'A field that the contract does not have.'],
  FIELD_INVALID: ['invalid', 'A field has the wrong type, size or form.'],
  KEY_FORBIDDEN: ['invalid', 'An object key that could alter a prototype.'],
  DOMAIN_UNKNOWN: ['invalid', 'No domain pack of this name is installed.'],
  ENTITY_TYPE_UNKNOWN: ['invalid', 'The pack has no such entity type.'],
  ACTION_UNKNOWN: ['invalid', 'The pack has no such action for the entity type.'],
  OCCURRED_IN_FUTURE: ['invalid', 'The event is dated more than five minutes ahead.'],
  OCCURRED_TOO_LONG_AGO: ['invalid', 'The event is older than the age limit of its pack.'],
  PARAMETER_INVALID: ['invalid', 'A query or path parameter is missing or malformed.'],
  RANGE_INVALID: ['invalid', 'A time range is malformed, reversed, too long or not on day boundaries.'],
  CURSOR_INVALID: ['invalid', 'A cursor that this list did not hand out.'],
  CONFIG_INVALID: ['invalid', 'The configuration has faults; all are listed.'],
  USAGE_INVALID: ['invalid', 'A command was called with wrong arguments.'],
  IMPORT_INVALID: ['invalid', 'The file to import cannot be read as the stated format.'],
  KEY_MISSING: ['unauthenticated', 'No API key was sent.'],
  KEY_UNKNOWN: ['unauthenticated', 'The API key is unknown or revoked.'],
  TICKET_UNKNOWN: ['unauthenticated', 'The ticket for a socket is unknown, used up or older than 30 s.'],
  LOGIN_REQUIRED: ['unauthenticated', 'This page needs a login.'],
  LOGIN_FAILED: ['unauthenticated', 'Name and password do not match, or the link is used up.'],
  SCOPE_MISSING: ['forbidden', 'The API key lacks the scope that this endpoint needs.'],
  ORIGIN_FORBIDDEN: ['forbidden', 'The request comes from an origin that may not make it: a publishable key names its own, a login only this one.'],
  BOT_REFUSED: ['forbidden', 'The user agent is a bot; views by bots are not counted.'],
  ROLE_MISSING: ['forbidden', 'The account has no role that allows this.'],
  ROUTE_UNKNOWN: ['not-found', 'There is nothing at this path.'],
  METHOD_UNKNOWN: ['not-found', 'The path exists, but not with this method; `Allow` names those that do.'],
  ENTITY_UNKNOWN: ['not-found', 'Neither a count nor a catalog row exists for this entity.'],
  TENANT_UNKNOWN: ['not-found', 'No tenant of this name exists.'],
  RECORD_UNKNOWN: ['not-found', 'No record of this id exists.'],
  QUEUE_UNKNOWN: ['not-found', 'No queue of this name exists.'],
  TENANT_EXISTS: ['conflict', 'A tenant of this name exists with another time zone.'],
  TENANT_ZONE_FIXED: ['conflict', 'The time zone of a tenant is fixed once an event is counted.'],
  DEMO_REFUSED: ['conflict', 'The tenant has counted events of its own; demo data would mix with them.'],
  RECORD_EXISTS: ['conflict', 'A record of this id exists.'],
  HOME_IN_USE: ['conflict', 'Another fleet runs on this home.'],
  SHARD_STOPPED: ['conflict', 'Redis and the rollup store disagree about a shard; it stopped rather than guess.'],
  LIMIT_REACHED: ['rate-limited', 'The rate limit of this key is used up; Retry-After says when to come back.'],
  OVERLOADED: ['unavailable', 'The fleet sheds load; nothing of this request was promised. Repeat it after Retry-After.'],
  STORE_UNAVAILABLE: ['unavailable', 'A store did not answer.'],
  STORE_REFUSED: ['unavailable', 'A store is set up in a way that would lose counts.'],
  JOB_CANCELLED: ['conflict', 'An operator cancelled the job.'],
  JOB_CHILD_FAILED: ['conflict', 'A job that this one waited for failed or was taken out.'],
  JOB_ELSEWHERE: ['unavailable', 'A rollout gives the job to another release; a worker of that release takes it.'],
  JOB_ENDED: ['conflict', 'The job has ended; there is nothing to cancel.'],
  JOB_LOST: ['unavailable', 'The job of a tick vanished from its queue, and again after it was put back.'],
  JOB_PAUSED: ['unavailable', 'Jobs of this name are paused; they go on when they are resumed.'],
  JOB_UNKNOWN: ['not-found', 'No job of this name.'],
  JOB_VERSION_UNKNOWN: ['unavailable', 'A job of a release that this worker does not know yet; another one takes it.'],
  JOB_TIMED_OUT: ['unavailable', 'A job ran longer than its limit.'],
  BUG: ['internal', 'An error of our own; the request id finds it in the logs.'],
} as const satisfies Record<string, readonly [ErrorKind, string]>

export type ErrorCode = keyof typeof ERROR_CODES

/** One fault in an input: an RFC 6901 pointer to the place, a code, and a sentence for people. */
export type Fault = { pointer: string; code: ErrorCode; detail: string }

export type ErrorDetails = { errors?: Fault[]; retryAfterSeconds?: number; [field: string]: unknown }

/** The only error class that crosses a lib's edge. Messages are lower case, name the value, end without a full stop. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.details = options.details ?? {}
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code][0]
  }
}

/** The AppError in `error`, or a `BUG` that wraps it. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  return new AppError('BUG', error instanceof Error ? error.message : String(error), { cause: error })
}
