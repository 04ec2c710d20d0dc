/** A failed request: what the API said of it (RFC 9457), or that it could not be reached. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  /** Finds the request in the logs. */
  readonly requestId: string | undefined

  constructor(status: number, code: string, detail: string, requestId: string | undefined) {
    super(detail)
    this.name = 'ApiProblem'
    this.status = status
    this.code = code
    this.requestId = requestId
  }
}

export type Parameters = Record<string, string | number | readonly string[] | undefined>

let tenant: string | undefined
let asking = 0
const waiting: (() => void)[] = []

/** Resolves once nothing is asked any more, so that what is wanted less does not compete with answers for the line. */
export function whenAnswered(): Promise<void> {
  return asking === 0 ? Promise.resolve() : new Promise((resolve) => { waiting.push(resolve) })
}

/** Every request from now on looks at this tenant. */
export function setTenant(id: string | undefined): void {
  tenant = id
}

/** The address of a read, below `/api/v1`. Undefined and empty values are left out; a list repeats its name. */
export function apiPath(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== undefined && one !== '') query.append(name, String(one))
  }
  return `/api/v1${path}${query.size > 0 ? `?${query}` : ''}`
}

/** Reads JSON. Rejects with an `ApiProblem`; without a session the browser goes to the login. */
export async function readApi<Answer>(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<Answer> {
  return await (await ask('GET', apiPath(path, parameters), { signal })).json() as Answer
}

/** Sends a change. Rejects like `readApi`. */
export async function sendApi<Answer>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
  const response = await ask(method, apiPath(path), { body })
  return (response.status === 204 ? undefined : await response.json()) as Answer
}

/** Saves an answer as a file, `rows.csv`, as the API exports it. A failure rejects like `readApi`. */
export async function download(path: string, parameters: Parameters, name: string, format: 'csv' | 'json'): Promise<void> {
  const response = await ask('GET', apiPath(path, format === 'csv' ? { ...parameters, format } : parameters), {})
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = `${name}.${format}`
  link.click()
  URL.revokeObjectURL(link.href)
}

async function ask(method: string, address: string, { body, signal }: { body?: unknown; signal?: AbortSignal | undefined }): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json, text/csv;q=0.9' }
  if (tenant !== undefined) headers['x-tenant'] = tenant
  if (body !== undefined) headers['content-type'] = 'application/json'
  let response: Response
  asking += 1
  try {
    response = await fetch(address, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiProblem(0, 'UNREACHABLE', 'The server cannot be reached.', undefined)
  } finally {
    asking -= 1
    if (asking === 0) for (const resolve of waiting.splice(0)) resolve()
  }
  if (response.ok) return response
  if (response.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`)
  throw await problemOf(response)
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const requestId = response.headers.get('x-request-id') ?? undefined
  try {
    const problem = await response.json() as { code?: string; detail?: string; title?: string }
    return new ApiProblem(response.status, problem.code ?? 'UNKNOWN', problem.detail ?? problem.title ?? '', requestId)
  } catch {
    return new ApiProblem(response.status, 'UNKNOWN', response.statusText || `HTTP ${response.status}`, requestId)
  }
}
