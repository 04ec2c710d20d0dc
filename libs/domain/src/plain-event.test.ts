import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInstant, readBySchema, readEvent, type EventRules } from './event.ts'
import { definePack } from './pack.ts'
import { isPlainEvent } from './plain-event.ts'

const pack = definePack({
  domain: 'shop', title: 'Shop', description: 'A shop', entityTypes: { item: { title: 'Item' }, page: { title: 'Page' } },
  actions: {
    view: { title: 'View' },
    buy: { title: 'Buy', entityTypes: ['item'], measures: { revenue: { property: 'price', unit: 'cent' } } },
  },
})
const now = new Date('2026-11-21T10:00:00Z')
const rules = (source: EventRules['source']): EventRules =>
  ({ packs: new Map([['shop', pack]]), tenant: 'default', zone: 'Europe/Madrid', now, source })

/** Mostly what is right, sometimes anything. */
const or = (good: fc.Arbitrary<unknown>, weight = 8) => fc.oneof(
  { weight, arbitrary: good }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '.', '..', ' a', 'a ', 'a\u0000', 'e\u0301', 'caf\u00e9', '\ud800', 'x'.repeat(257), 7, null, [], {}, true, undefined) })
const key = fc.constantFrom('domain', 'entity_type', 'event_id', 'tenant', '__proto__', 'constructor', 'toString', 'events', '', '0')
const event = fc.record({
  domain: or(fc.constantFrom('shop', 'Shop', 'constructor')), entity_type: or(fc.constantFrom('item', 'page', 'toString')),
  entity_id: or(fc.string({ maxLength: 258 })), action: or(fc.constantFrom('view', 'buy')),
  occurred_at: or(fc.constantFrom(
    '2026-11-21T09:59:59Z', '2026-11-20T10:00:00.123Z', '2026-10-31T00:00:00+05:45', '2026-02-30T00:00:00Z', '2026-11-21T10:06:00Z',
    '2026-10-01T00:00:00Z', '2026-11-31T00:00:00.000Z')),
  event_id: or(fc.stringMatching(/^[A-Za-z0-9._:-]{1,129}$/)),
  user_id: or(fc.string()), session_id: or(fc.string()),
  properties: or(fc.dictionary(fc.oneof(key, fc.constantFrom('price', 'a')), fc.oneof(
    fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(1999, -1, 1.5, 2e9, Infinity, NaN, 'x'.repeat(6_000), '\u0000'.repeat(3_000), undefined)))),
}, { requiredKeys: ['domain', 'entity_type', 'entity_id', 'action', 'occurred_at'] })
const anything = fc.oneof({ weight: 20, arbitrary: event }, { weight: 1, arbitrary: fc.jsonValue() },
  { weight: 3, arbitrary: fc.tuple(event, key, fc.jsonValue({ maxDepth: 1 })).map(([good, name, value]) => {
    const input = { ...good }
    Object.defineProperty(input, name, { value, enumerable: true, configurable: true }) // __proto__ too, as JSON.parse has it
    return input
  }) })

test('an event read at a glance is read as the schema reads it', () => {
  let plain = 0
  fc.assert(fc.property(anything, fc.constantFrom('api' as const, 'import' as const), (input, source) => {
    if (isPlainEvent(input, { needsId: source === 'api', maxPropertiesBytes: 32_768 })) plain++
    expect(readEvent(input, rules(source))).toEqual(readBySchema(input, rules(source)))
  }), { numRuns: 5_000 })
  expect(plain).toBeGreaterThan(200)
})

test('what clients usually send is plain', () => {
  const usual = {
    domain: 'shop', entity_type: 'item', entity_id: 'm 1', action: 'buy', occurred_at: now.toISOString(), event_id: '018f-1',
    user_id: 'u-7', session_id: 's-1', properties: { price: 1999, note: 'caf\u00e9', gift: true, code: null },
  }
  const rule = { needsId: true, maxPropertiesBytes: 32_768 }
  expect(isPlainEvent(usual, rule)).toBe(true)
  expect(isPlainEvent({ ...usual, properties: { a: 'x'.repeat(32_000) } }, rule)).toBe(false)
})

test('an instant is the same as the calendar says, whatever its digits', () => {
  const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`))
  const near = (length: number, most: number) => fc.oneof(digits(length), fc.nat(most).map((n) => String(n).padStart(length, '0')))
  fc.assert(fc.property(digits(4), near(2, 12), near(2, 31), near(2, 23), near(2, 59), near(2, 59), fc.constantFrom('', '.000', '.999', '.12'),
    (year, month, day, hour, minute, second, fraction) => {
      const text = `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}Z`
      const known = new Date(text)
      const exists = !Number.isNaN(known.getTime()) && hour !== '24' && known.getUTCDate() === Number(day)
      expect(parseInstant(text)).toEqual(exists ? known : undefined)
    }), { numRuns: 3_000 })
})
