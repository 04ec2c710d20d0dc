import { AppError, ERROR_CODES, type ErrorCode, type ErrorKind } from '@tallyfleet/domain'
import { expect, test } from 'vitest'
import { outcomeOf } from './outcome.ts'

test('the kind of an error decides what becomes of its job', () => {
  const expected: Record<ErrorKind, string> = {
    invalid: 'dead', forbidden: 'dead', 'not-found': 'dead', unauthenticated: 'dead',
    'rate-limited': 'later', conflict: 'retry', unavailable: 'retry', internal: 'retry',
  }
  const exceptions: Partial<Record<ErrorCode, string>> = {
    JOB_CANCELLED: 'dead', JOB_CHILD_FAILED: 'dead', JOB_VERSION_UNKNOWN: 'later', JOB_PAUSED: 'later', JOB_ELSEWHERE: 'later',
  }
  for (const [code, [kind]] of Object.entries(ERROR_CODES)) {
    expect(outcomeOf(new AppError(code as ErrorCode, 'x')).is).toBe(exceptions[code as ErrorCode] ?? expected[kind])
  }
  expect(outcomeOf(new TypeError('a bug'))).toEqual({ is: 'retry' })
})

test('a rate limit says when to come back, within the hour', () => {
  const limited = (retryAfterSeconds?: number) => outcomeOf(new AppError('LIMIT_REACHED', 'x', { details: { retryAfterSeconds } }))
  expect(limited(7)).toEqual({ is: 'later', delayMs: 7_000 })
  expect(limited()).toEqual({ is: 'later', delayMs: 5_000 })
  expect(limited(86_400)).toEqual({ is: 'later', delayMs: 3_600_000 })
})
