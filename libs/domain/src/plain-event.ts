/** Printable ASCII without white space at an end: what the rules of ids and short texts allow in any case. */
const PLAIN = /^[!-~](?:[ -~]{0,254}[!-~])?$/
const PLAIN_EVENT_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** No text grows beyond this many bytes a character when it is written as JSON, quotes and comma excepted. */
const MOST_BYTES = 6

/** The fields of the contract, known to be right. */
type PlainEvent = {
  domain: string
  entity_type: string
  entity_id: string
  action: string
  occurred_at: string
  event_id?: string
  user_id?: string
  session_id?: string
  properties?: Record<string, string | number | boolean | null>
}

/**
 * Tells at a glance that an event keeps the contract of `eventSchema`, as nearly all do: their fields are plain ASCII
 * texts. False means nothing: the schema itself has to look. Never true for what the schema refuses or changes.
 * @param needsId whether an event without `event_id` breaks the contract
 */
export function isPlainEvent(
  input: unknown, { needsId, maxPropertiesBytes }: { needsId: boolean; maxPropertiesBytes: number },
): input is PlainEvent {
  if (typeof input !== 'object' || input === null) return false
  for (const name in input) {
    const value = (input as Record<string, unknown>)[name]
    switch (name) {
      case 'domain': case 'entity_type': case 'action':
        if (typeof value !== 'string' || value.length > 32) return false
        break
      case 'entity_id':
        if (typeof value !== 'string' || !PLAIN.test(value) || value === '.' || value === '..') return false
        break
      case 'occurred_at':
        if (typeof value !== 'string' || value.length > 64) return false
        break
      case 'event_id':
        if (typeof value !== 'string' || !PLAIN_EVENT_ID.test(value)) return false
        break
      case 'user_id': case 'session_id':
        if (typeof value !== 'string' || !PLAIN.test(value)) return false
        break
      case 'properties':
        if (!arePlainProperties(value, maxPropertiesBytes)) return false
        break
      default:
        return false
    }
  }
  const { domain, entity_type, entity_id, action, occurred_at, event_id } = input as Partial<PlainEvent>
  return domain !== undefined && entity_type !== undefined && entity_id !== undefined && action !== undefined
    && occurred_at !== undefined && (event_id !== undefined || !needsId)
}

/** A flat object of texts, numbers, booleans and nulls that stays within its bytes however it is written. */
function arePlainProperties(value: unknown, maxBytes: number): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  let bytes = 2
  for (const name in value) {
    if (name === '__proto__' || name === 'constructor' || name === 'prototype') return false
    const one = (value as Record<string, unknown>)[name]
    bytes += name.length * MOST_BYTES + 30 // quotes, colon, comma; 25 for a number, the longest of the rest
    if (typeof one === 'string') bytes += one.length * MOST_BYTES
    else if (typeof one === 'number' ? !Number.isFinite(one) : typeof one !== 'boolean' && one !== null) return false
    if (bytes > maxBytes) return false
  }
  return true
}
