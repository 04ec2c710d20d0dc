import { isbot } from 'isbot'

/**
 * Whether a user agent is a known bot, crawler or tool. A text without a letter, such as the `-` of a log, is one;
 * an empty text is not, because programs that send events by themselves may name no agent.
 */
export function isBot(userAgent: string): boolean {
  return isbot(userAgent)
}
