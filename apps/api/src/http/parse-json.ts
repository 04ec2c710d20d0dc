import { AppError, isJsonDeeperThan, MAX_DEPTH } from '@tallyfleet/domain'

/** Parses JSON nested at most `maxDepth` levels deep. Throws `BODY_TOO_DEEP` before parsing anything, or `BODY_NOT_JSON`. */
export function parseJson(text: string, maxDepth: number = MAX_DEPTH): unknown {
  if (isJsonDeeperThan(text, maxDepth)) {
    throw new AppError('BODY_TOO_DEEP', `JSON is nested deeper than ${maxDepth} levels`)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', 'the body is not JSON', { cause })
  }
}
