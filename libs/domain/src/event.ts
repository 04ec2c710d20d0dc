import { z } from 'zod'
import { dayOf, hourOf } from './bucket.ts'
import { COUNT } from './delta.ts'
import type { ErrorCode, Fault } from './errors.ts'
import type { Packs } from './pack.ts'
import { isPlainEvent } from './plain-event.ts'
import type { EntityKey } from './shard.ts'

export const MAX_EVENTS = 1000
export const MAX_BODY_BYTES = 1_048_576
export const MAX_DEPTH = 8
export const MAX_PROPERTIES_BYTES = 32_768
const MAX_AHEAD_MS = 5 * 60_000
const DAY_MS = 86_400_000

const REFUSED_ID = /[\p{Cc}\p{Cf}\p{Cn}\p{Cs}]/u
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/** Why an entity id is refused, or undefined. The id must already be in NFC. */
export function entityIdFault(id: string): string | undefined {
  if (id === '') return 'is empty'
  if (id.length > 512 || [...id].length > 256) return 'is longer than 256 code points'
  if (id === '.' || id === '..') return 'is a path segment'
  if (!id.isWellFormed()) return 'holds a lone surrogate'
  if (REFUSED_ID.test(id)) return 'holds a control, format or unassigned character'
  if (id.trim() !== id) return 'has white space at an end'
  return undefined
}

/** An RFC 3339 instant, or undefined when the text is not one or names a day or time that does not exist. */
export function parseInstant(text: string): Date | undefined {
  return parsePlainInstant(text) ?? parseAnyInstant(text)
}

/** `2026-11-21T10:00:00Z`, also with three digits of a second: how nearly all are written. Else undefined. */
function parsePlainInstant(text: string): Date | undefined {
  const { length } = text
  if ((length !== 20 && !(length === 24 && text[19] === '.')) || text[length - 1] !== 'Z') return undefined
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined
  const year = digitsOf(text, 0, 4)
  const day = digitsOf(text, 8, 10)
  const hour = digitsOf(text, 11, 13)
  const minute = digitsOf(text, 14, 16)
  const second = digitsOf(text, 17, 19)
  const millis = length === 24 ? digitsOf(text, 20, 23) : 0
  // Days that not every month has are left to the calendar; so are years that Date.UTC takes for others. NaN is neither.
  if (!(year >= 1000 && day >= 1 && day <= 28 && hour <= 23 && minute <= 59 && second <= 59 && millis >= 0)) return undefined
  const month = digitsOf(text, 5, 7)
  return month >= 1 && month <= 12 ? new Date(Date.UTC(year, month - 1, day, hour, minute, second, millis)) : undefined
}

/** The number that decimal digits make, NaN when one is none. */
function digitsOf(text: string, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return NaN
    number = number * 10 + digit
  }
  return number
}

function parseAnyInstant(text: string): Date | undefined {
  const match = RFC3339.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] = match
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  if (Number(offsetHour ?? 0) > 23 || Number(offsetMinute ?? 0) > 59) return undefined
  const midnight = new Date(`${year}-${month}-${day}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return undefined
  const offsetMs = (Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)) * 60_000 * (sign === '-' ? -1 : 1)
  const millis = Number(fraction.padEnd(3, '0').slice(0, 3))
  return new Date(midnight.getTime() + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + millis - offsetMs)
}

const shortText = z.string().min(1).max(256).refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), {
  error: 'holds a control character or a lone surrogate',
})

/** The event contract, as it travels. What a pack allows is checked afterwards, by {@link readEvent}. */
export const eventSchema = z.strictObject({
  domain: z.string().max(32).meta({ description: 'The domain pack', example: 'jav' }),
  entity_type: z.string().max(32).meta({ description: 'An entity type of the pack', example: 'movie' }),
  entity_id: z.string().max(1024).transform((id, context) => {
    const normal = id.normalize('NFC')
    const fault = entityIdFault(normal)
    if (fault) context.addIssue({ code: 'custom', message: fault })
    return normal
  }).meta({ description: '1 to 256 code points; stored in NFC', example: 'm-1' }),
  action: z.string().max(32).meta({ description: 'An action of the pack', example: 'view' }),
  occurred_at: z.string().max(64).meta({ description: 'RFC 3339 with Z or an offset', example: '2026-11-21T10:00:00Z' }),
  event_id: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, 'needs 1 to 128 of A-Z a-z 0-9 . _ : -')
    .meta({ description: 'Unique for the entity; the same id within 48 h counts once', example: '018f-1' }),
  user_id: shortText.optional(),
  session_id: shortText.optional(),
  properties: z.record(z.string(), z.json()).optional()
    .refine((value) => value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_PROPERTIES_BYTES, {
      error: `is larger than ${MAX_PROPERTIES_BYTES} bytes`,
    }).meta({ description: 'At most 32 KiB; declared measures are read from here' }),
}).meta({ id: 'Event' })

export type EventInput = z.input<typeof eventSchema>

/** An event that may be counted. `amounts` holds `count` and the measures that the pack declares. */
export type CountableEvent = EntityKey & {
  action: string
  bucket: string
  eventId: string | undefined
  amounts: { measure: string; value: number }[]
}

export type ReadEvent = { event: CountableEvent } | { faults: [Fault, ...Fault[]] }

/** What an event is read against. Events of an import have no age limit and may lack an `event_id`. */
export type EventRules = { packs: Packs; tenant: string; zone: string; now: Date; source: 'api' | 'import' }

const importedEventSchema = eventSchema.partial({ event_id: true }).meta({ id: 'ImportedEvent' })

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

/** The pointer of the first object key below `value` that could alter a prototype, or undefined. */
export function forbiddenKey(value: unknown, pointer = ''): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const key of Object.keys(value)) {
    const below = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!Array.isArray(value) && FORBIDDEN_KEYS.has(key)) return below
    const found = forbiddenKey((value as Record<string, unknown>)[key], below)
    if (found) return found
  }
  return undefined
}

/**
 * Reads one event of a parsed body. Never throws: what is wrong comes back as faults whose pointers start at the event.
 */
export function readEvent(input: unknown, rules: EventRules): ReadEvent {
  if (isPlainEvent(input, { needsId: rules.source === 'api', maxPropertiesBytes: MAX_PROPERTIES_BYTES })) {
    return applyRules(input, rules)
  }
  return readBySchema(input, rules)
}

/** What {@link readEvent} does with every event that is not plain, and would do with those that are: it is the contract. */
export function readBySchema(input: unknown, rules: EventRules): ReadEvent {
  const forbidden = forbiddenKey(input)
  if (forbidden) return fail('KEY_FORBIDDEN', forbidden, 'this key could alter a prototype')
  const parsed = (rules.source === 'api' ? eventSchema : importedEventSchema).safeParse(input)
  if (!parsed.success) return { faults: parsed.error.issues.flatMap(faultsOf) as [Fault, ...Fault[]] }
  return applyRules(parsed.data, rules)
}

type EventFields = z.output<typeof importedEventSchema>

/** Reads an event whose form is right by what its pack and its time allow. */
function applyRules(fields: EventFields, rules: EventRules): ReadEvent {
  const { domain, entity_type: entityType, entity_id: entityId, action, occurred_at, event_id, properties } = fields
  const pack = rules.packs.get(domain)
  if (!pack) return fail('DOMAIN_UNKNOWN', '/domain', `no pack ${JSON.stringify(domain)}`)
  if (!Object.hasOwn(pack.entityTypes, entityType)) {
    return fail('ENTITY_TYPE_UNKNOWN', '/entity_type', `${domain} has no entity type ${JSON.stringify(entityType)}`)
  }
  const rule = Object.hasOwn(pack.actions, action) ? pack.actions[action] : undefined
  if (!rule || (rule.entityTypes && !rule.entityTypes.includes(entityType))) {
    return fail('ACTION_UNKNOWN', '/action', `${domain} has no action ${JSON.stringify(action)} for ${entityType}`)
  }
  const at = parseInstant(occurred_at)
  if (!at) return fail('FIELD_INVALID', '/occurred_at', 'is not an RFC 3339 instant with Z or an offset')
  if (rules.source === 'api') {
    if (at.getTime() > rules.now.getTime() + MAX_AHEAD_MS) {
      return fail('OCCURRED_IN_FUTURE', '/occurred_at', 'is more than 5 minutes ahead')
    }
    if (at.getTime() < rules.now.getTime() - pack.maxAgeDays * DAY_MS) {
      return fail('OCCURRED_TOO_LONG_AGO', '/occurred_at', `is more than ${pack.maxAgeDays} days ago`)
    }
  }
  const amounts = [{ measure: COUNT, value: 1 }]
  for (const [measure, { property, max, unit }] of Object.entries(rule.measures)) {
    const value = properties && Object.hasOwn(properties, property) ? properties[property] : undefined
    if (value === undefined) continue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      return fail('FIELD_INVALID', `/properties/${property}`, `must be a whole number of ${unit} from 0 to ${max}`)
    }
    amounts.push({ measure, value })
  }
  const bucket = pack.finest === 'hour' ? hourOf(at, rules.zone) : dayOf(at, rules.zone)
  return { event: { tenant: rules.tenant, domain, entityType, entityId, action, bucket, eventId: event_id, amounts } }
}

function fail(code: ErrorCode, pointer: string, detail: string): ReadEvent {
  return { faults: [{ code, pointer, detail }] }
}

/** Turns a zod issue into faults with RFC 6901 pointers. */
export function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  const pointer = pointerOf(issue.path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointer + pointerOf([key]), code: 'FIELD_UNKNOWN' as const, detail: 'is not a field of the contract',
    }))
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  return [{ pointer, code: missing ? 'FIELD_MISSING' : 'FIELD_INVALID', detail: missing ? 'is required' : issue.message }]
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
