import { entityIdFault, isBot, parseInstant } from '@tallyfleet/domain'
import type { LineReader, ReadLine } from './import-format.ts'

/** Host, identity, user and time. A user name may hold spaces, but nothing that starts the next field. */
const HEAD = /^\S+ \S+ [^"[]+ \[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})\] "/
const STATUS_AND_SIZE = / (\d{3}) (?:\d+|-) "/y
const REQUEST = /^([A-Za-z]+) (.+?)(?: HTTP\/\d(?:\.\d)?)?$/
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Verdicts on user agents: a site sees few, and each costs microseconds. */
const verdicts = new Map<string, boolean>()
const MAX_VERDICTS = 5_000
/** No browser calls itself more; what lies beyond is not looked at. */
const MAX_AGENT_LENGTH = 1_000

/**
 * A line of the combined log that Apache and NGINX write. A GET with a status of 2xx or 304 by a human is one `view`
 * of its path without the query; the path keeps the escapes it was sent with. Address and user stay unread. What a
 * log adds after the user agent is ignored.
 */
export const readCombinedLine: LineReader = (line, { domain = 'web' }) => {
  const head = HEAD.exec(line)
  if (!head) return reject('malformed', 'does not start as a line of the combined format')
  const request = quotedField(line, head[0].length)
  if (!request) return reject('malformed', 'the request is not closed')
  STATUS_AND_SIZE.lastIndex = request.end
  const middle = STATUS_AND_SIZE.exec(line)
  if (!middle) return reject('malformed', 'no status and size after the request')
  const referrer = quotedField(line, STATUS_AND_SIZE.lastIndex)
  if (!referrer || !line.startsWith(' "', referrer.end)) return reject('malformed', 'no referrer and user agent')
  const agent = quotedField(line, referrer.end + 2)
  if (!agent) return reject('malformed', 'the user agent is not closed')
  if (agent.end < line.length && line[agent.end] !== ' ') return reject('malformed', 'text behind the user agent')
  const occurredAt = instantOf(head)
  if (!occurredAt) return reject('malformed', 'the time does not exist')

  const parts = REQUEST.exec(request.text)
  if (!parts) return reject('request', 'is not a request of HTTP')
  const [, method, target] = parts as unknown as [string, string, string]
  const status = Number(middle[1])
  if (method !== 'GET') return reject('method', `the method is ${method.slice(0, 20)}, not GET`)
  if (!(status >= 200 && status < 300) && status !== 304) return reject('status', `the status is ${status}`)
  if (isKnownBot(agent.text.slice(0, MAX_AGENT_LENGTH))) return reject('bot', 'the user agent is a bot or missing')
  const path = pathOf(target)
  if (path === undefined) return reject('path', 'the target is neither a path nor a URL')
  const fault = entityIdFault(path)
  if (fault) return reject('path', `the path ${fault}`)
  return { event: { domain, entity_type: 'page', entity_id: path, action: 'view', occurred_at: occurredAt } }
}

function reject(reason: string, detail: string): ReadLine {
  return { reject: { reason, detail } }
}

/** The field whose opening quote ends at `start`, with its escapes resolved; `end` is behind the closing quote. */
function quotedField(line: string, start: number): { text: string; end: number } | undefined {
  let escaped = false
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code === 0x22) return { text: escaped ? unescape(line.slice(start, at)) : line.slice(start, at), end: at + 1 }
    if (code === 0x5c) {
      escaped = true
      at++
    }
  }
  return undefined
}

const CONTROLS: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** Resolves `\"`, `\\`, `\n` and `\xhh`. Servers write one `\xhh` for a byte, so a run of them is decoded as UTF-8. */
function unescape(text: string): string {
  return text.replace(/(?:\\x[0-9a-fA-F]{2})+|\\(.)/g, (match, single: string | undefined) =>
    single === undefined
      ? Buffer.from(match.replaceAll('\\x', ''), 'hex').toString('utf8')
      : CONTROLS[single] ?? single)
}

/** RFC 3339 of the time in a match of HEAD, or undefined when there is no such day or time. */
function instantOf(head: RegExpExecArray): string | undefined {
  const [, day, month, year, time, hours, minutes] = head
  const number = String(MONTHS.indexOf(month!) + 1).padStart(2, '0')
  const instant = `${year}-${number}-${day}T${time}${hours}:${minutes}`
  return parseInstant(instant) ? instant : undefined
}

function isKnownBot(agent: string): boolean {
  let verdict = verdicts.get(agent)
  if (verdict === undefined) {
    if (verdicts.size >= MAX_VERDICTS) verdicts.clear()
    verdicts.set(agent, (verdict = agent === '' || isBot(agent)))
  }
  return verdict
}

/** The path of a request's target, which may be a whole URL; in NFC, as ids are. Undefined when it has none. */
function pathOf(target: string): string | undefined {
  const path = target.startsWith('/') ? target : ORIGIN.test(target) ? target.replace(ORIGIN, '') : undefined
  if (path === undefined) return undefined
  const end = path.search(/[?#]/)
  return (end < 0 ? path : path.slice(0, end)).normalize('NFC') || '/'
}
