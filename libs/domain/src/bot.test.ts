import { expect, test } from 'vitest'
import { isBot } from './bot.ts'

test.each([
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', true],
  ['curl/8.5.0', true],
  ['-', true],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0', false],
  ['', false],
])('isBot(%j) is %j', (userAgent, expected) => {
  expect(isBot(userAgent)).toBe(expected)
})
