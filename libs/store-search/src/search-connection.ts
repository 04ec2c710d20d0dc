import { AppError, toAppError } from '@tallyfleet/domain'
import { Client, errors, Transport, type ClientOptions } from '@elastic/elasticsearch'

type TransportOptions = ConstructorParameters<typeof Transport>[0]

export type SearchOptions = {
  /** `http(s)://[user:password@]host:port[/path]`; user and password become basic authentication. */
  url: string
  /** Sent as `Authorization: ApiKey …`; wins over a password in the URL. The encoded form that the server hands out. */
  apiKey?: string | undefined
  /** PEM of the authority that signed the server's certificate; absent: those that Node trusts. */
  ca?: string | undefined
}

const CONNECT_TIMEOUT_MS = 3_000
const REQUEST_TIMEOUT_MS = 30_000

/**
 * Speaks plain JSON, which every Elasticsearch and OpenSearch reads. The client's own transport insists on a vendored
 * media type and on a product header, and so shuts out Elasticsearch 8 and OpenSearch.
 */
class PlainTransport extends Transport {
  constructor({ productCheck: _product, vendoredHeaders: _vendored, ...options }: TransportOptions) {
    super({ ...options, retryBackoff })
  }
}

/** Seconds before a retry after a lost connection: 0.25 to 0.5, then twice that. A job that fails comes back anyway. */
function retryBackoff(_min: number, _max: number, attempt: number): number {
  return (0.125 + Math.random() * 0.125) * 2 ** attempt
}

/** A client for any of the servers. Connects on first use. Throws `CONFIG_INVALID` for a URL that is none. */
export function connectSearch({ url, apiKey, ca }: SearchOptions): Client {
  const node = URL.parse(url)
  if (!node || !/^https?:$/.test(node.protocol)) throw new AppError('CONFIG_INVALID', 'the search URL is not http(s)://…')
  const [username, password] = [decodeURIComponent(node.username), decodeURIComponent(node.password)]
  node.username = node.password = node.search = node.hash = ''
  const auth: ClientOptions['auth'] = apiKey ? { apiKey } : username ? { username, password } : undefined
  return new Client({
    node: { url: node },
    Transport: PlainTransport,
    ...(auth && { auth }),
    tls: { timeout: CONNECT_TIMEOUT_MS, ...(ca && { ca }) },
    requestTimeout: REQUEST_TIMEOUT_MS,
    maxRetries: 2,
    enableMetaHeader: false,
  })
}

/** What an answer of this status means for the caller: try later, or a request that can never work. */
export function codeOfStatus(status: number): 'STORE_UNAVAILABLE' | 'BUG' {
  // 401 and 403 (credentials, read-only index) and 404 (no index) are cured by an operator, not by other code.
  return status === 400 || status === 405 || status === 413 ? 'BUG' : 'STORE_UNAVAILABLE'
}

/** Turns an error of the client into one of ours, with the client's as its cause. */
export function searchError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? 503
    return new AppError(codeOfStatus(status), `the search server answered ${status}: ${reasonOf(error)}`, { cause: error })
  }
  if (error instanceof errors.ConfigurationError || error instanceof errors.SerializationError) return toAppError(error)
  if (error instanceof errors.ElasticsearchClientError) {
    return new AppError('STORE_UNAVAILABLE', `the search server does not answer: ${error.message}`, { cause: error })
  }
  return toAppError(error)
}

function reasonOf(error: InstanceType<typeof errors.ResponseError>): string {
  const body: unknown = error.body
  const found = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined
  if (typeof found === 'string') return found
  if (typeof found === 'object' && found !== null && 'type' in found) {
    return 'reason' in found ? `${found.type}: ${found.reason}` : String(found.type)
  }
  return 'no reason given'
}

/** The `type` of a server's error, such as `resource_already_exists_exception`; undefined for any other error. */
export function typeOfError(error: unknown): string | undefined {
  if (!(error instanceof errors.ResponseError)) return undefined
  const type: unknown = error.body?.error?.type
  return typeof type === 'string' ? type : undefined
}
