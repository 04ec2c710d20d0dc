import { isJsonDeeperThan, MAX_DEPTH } from '@tallyfleet/domain'
import type { LineReader, Reject } from './import-format.ts'

/** An event of the ingest contract as JSON on one line. Whether it keeps the contract is checked afterwards. */
export const readNdjsonLine: LineReader = (line, { domain }) => {
  const read = readJsonObject(line)
  if ('reject' in read) return read
  return { event: domain !== undefined && !('domain' in read.object) ? { domain, ...read.object } : read.object }
}

/** The object on a line of JSON. Depth is checked before parsing, as in an HTTP body. */
export function readJsonObject(line: string): { object: Record<string, unknown> } | { reject: Reject } {
  if (isJsonDeeperThan(line, MAX_DEPTH)) {
    return { reject: { reason: 'depth', detail: `is nested deeper than ${MAX_DEPTH} levels` } }
  }
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { reject: { reason: 'json', detail: 'is not JSON' } }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { reject: { reason: 'object', detail: 'is not a JSON object' } }
  }
  return { object: value as Record<string, unknown> }
}
