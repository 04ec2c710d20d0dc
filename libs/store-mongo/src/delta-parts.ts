import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate, inflate } from 'node:zlib'
import { deltaOf, fieldOf, SEPARATOR, type Delta } from '@tallyfleet/domain'

const compress = promisify(deflate)
const decompress = promisify(inflate)

/** Before compression, so that a part stays below 8 MiB whatever it holds. */
const MAX_RAW_BYTES = 7 * 1_048_576

/** Deltas cut into parts, each compressed by itself. `content` names them: same name, same bytes inside. */
export type DeltaParts = { content: string; parts: Uint8Array[] }

/**
 * Packs deltas. The order does not matter, and there is always at least one part.
 * @param maxRawBytes size of a part before compression
 */
export async function packDeltas(deltas: readonly Delta[], maxRawBytes = MAX_RAW_BYTES): Promise<DeltaParts> {
  const lines = deltas.map((delta) => `${fieldOf(delta)}${SEPARATOR}${delta.value}\n`).sort()
  const hash = createHash('sha256')
  const parts: Uint8Array[] = []
  let raw: Buffer[] = []
  let rawBytes = 0
  const cut = async () => {
    const part = Buffer.concat(raw)
    hash.update(`${part.length}:`).update(part) // the length too: where the cuts are is part of the name
    parts.push(await compress(part))
    raw = []
    rawBytes = 0
  }
  for (const line of lines) {
    const bytes = Buffer.from(line)
    if (rawBytes > 0 && rawBytes + bytes.length > maxRawBytes) await cut()
    raw.push(bytes)
    rawBytes += bytes.length
  }
  if (rawBytes > 0 || parts.length === 0) await cut()
  return { content: hash.digest('hex').slice(0, 32), parts }
}

/** The deltas in packed parts, sorted by field. */
export async function unpackDeltas(parts: readonly Uint8Array[]): Promise<Delta[]> {
  const deltas: Delta[] = []
  for (const part of parts) {
    const text = (await decompress(part)).toString()
    for (const line of text.split('\n').slice(0, -1)) {
      const end = line.lastIndexOf(SEPARATOR)
      deltas.push(deltaOf(line.slice(0, end), Number(line.slice(end + 1))))
    }
  }
  return deltas
}
