import type { LineReader } from './import-format.ts'

const RATING_LINE = /^(\d{1,18})\t(\d{1,18})\t([0-5](?:\.\d)?)\t(\d{1,12})$/
const DIGITS = /^\d{1,18}$/
/** The last second of the year 9999: later instants have no RFC 3339 form. */
const LAST_SECOND = 253_402_300_799

/**
 * A rating of a MovieLens `u.data` file: user, item, rating from 0 to 5 and seconds since 1970, parted by tabs. Each
 * is one `view` of the item by the user; the rating itself only has to be one.
 */
export const readMovielensLine: LineReader = (line, { domain = 'jav' }) => {
  const match = RATING_LINE.exec(line)
  const seconds = Number(match?.[4])
  if (!match || seconds > LAST_SECOND) return { reject: faultOf(line) }
  return {
    event: {
      domain,
      entity_type: 'movie',
      entity_id: match[2],
      action: 'view',
      occurred_at: new Date(seconds * 1000).toISOString(),
      user_id: match[1],
    },
  }
}

function faultOf(line: string) {
  const fields = line.split('\t')
  if (fields.length !== 4) return malformed(`${fields.length} fields instead of 4, parted by tabs`)
  const [user, item, rating] = fields as [string, string, string]
  if (!DIGITS.test(user)) return malformed('the user id is not a number')
  if (!DIGITS.test(item)) return malformed('the item id is not a number')
  if (!/^[0-5](?:\.\d)?$/.test(rating)) return malformed('the rating is not a number from 0 to 5')
  return malformed('the time is not in seconds since 1970')
}

function malformed(detail: string) {
  return { reason: 'malformed', detail }
}
