import type { CronTicks } from '@tallyfleet/features'
import { CronExpressionParser } from 'cron-parser'

/**
 * The instants of a cron pattern in a zone after `after`. Where clocks go forward a skipped time of day is moved behind
 * the gap; where they go back, a fixed time of day comes once and a repeating one in both hours.
 */
export const cronTicks: CronTicks = function* (pattern, zone, after) {
  const expression = CronExpressionParser.parse(pattern, { currentDate: after, tz: zone })
  while (expression.hasNext()) yield expression.next().toDate()
}
