import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { AppError } from '@tallyfleet/domain'

const inflate = promisify(gunzip)
/** So much of a body that is too large is still read, so that the client gets to see the answer. */
const MAX_DRAIN_BYTES = 16 * 1_048_576
const JSON_TYPE = /^(application\/json|text\/plain|application\/[a-z0-9!#$&^_.+-]+\+json)$/

/**
 * Reads a request's body as text: at most `maxBytes` before and after decompression, strictly UTF-8, a byte order
 * mark dropped. Throws `BODY_TYPE_UNSUPPORTED`, `BODY_TOO_LARGE` or `BODY_NOT_JSON`.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  checkType(request.headers['content-type'])
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding)) {
    throw new AppError('BODY_TYPE_UNSUPPORTED', `content encoding ${JSON.stringify(encoding)} is not identity or gzip`)
  }
  const raw = await collect(request, maxBytes)
  if (raw.length === 0) throw new AppError('BODY_NOT_JSON', 'the body is empty')
  const bytes = encoding === 'identity' ? raw : await decompress(raw, maxBytes)
  if (!isUtf8(bytes)) throw new AppError('BODY_NOT_JSON', 'the body is not valid UTF-8')
  const text = bytes.toString()
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

function checkType(header = ''): void {
  const [type = '', ...parameters] = header.toLowerCase().split(';').map((part) => part.trim())
  const charset = parameters.find((part) => part.startsWith('charset='))?.slice(8).replaceAll('"', '')
  if (!JSON_TYPE.test(type)) {
    throw new AppError('BODY_TYPE_UNSUPPORTED', `content type ${JSON.stringify(type)} is not application/json or text/plain`)
  }
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    throw new AppError('BODY_TYPE_UNSUPPORTED', `charset ${JSON.stringify(charset)} is not utf-8`)
  }
}

/** By events, not by an iterator, which takes longer than all the rest of a small request. */
function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_DRAIN_BYTES) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const endedEarly = (cause?: Error) => {
      reject(new AppError('BODY_NOT_JSON', 'the body ended early', { cause }))
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) chunks.push(chunk)
      else chunks.length = 0
      if (size <= MAX_DRAIN_BYTES) return
      request.off('data', onData).pause() // the answer still has to go out on the socket
      reject(tooLarge(maxBytes))
    }
    request.on('data', onData)
    request.once('end', () => {
      request.off('close', endedEarly)
      if (size > maxBytes) reject(tooLarge(maxBytes))
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    })
    request.once('error', endedEarly)
    request.once('close', endedEarly)
  })
}

async function decompress(bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await inflate(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    throw new AppError('BODY_NOT_JSON', 'the gzip data is broken or ends early', { cause })
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('BODY_TOO_LARGE', `the body is larger than ${maxBytes} bytes`, { details: { maxBytes } })
}
