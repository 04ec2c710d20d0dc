import type { ResponseTimes } from '@tallyfleet/features'
import type { Log } from '@tallyfleet/ports'
import type { Metrics } from '@tallyfleet/metrics'
import type { RequestHandler } from 'express'
import { pathOf } from './path-of.ts'
import { requestIdOf } from './request-id.ts'

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Measures every request by route pattern, and logs it at its end: paths without their query, which may hold a key. */
export function logRequests(
  { log, metrics, responseTimes }: { log: Log; metrics: Metrics; responseTimes?: ResponseTimes },
): RequestHandler {
  const seconds = metrics.histogram('http_request_seconds', 'Time to answer', ['method', 'route', 'status'], BUCKETS)
  return (request, response, next) => {
    const start = performance.now()
    response.once('close', () => {
      const durationMs = performance.now() - start
      const route = (response.locals.route as string | undefined) ?? 'none'
      const status = response.writableFinished ? response.statusCode : 499
      seconds.observe({ method: request.method, route, status: String(status) }, durationMs / 1000)
      // What was refused says nothing of how fast the answers are.
      const isRead = request.method === 'GET' && route.startsWith('/api/v1/') && (status < 400 || status >= 500)
      if (isRead) responseTimes?.observe(durationMs, status >= 500)
      const path = pathOf(request)
      const fields = { method: request.method, path, status, durationMs, requestId: requestIdOf(response) }
      // At a thousand events a second a line for each would cost more than the event.
      if (status >= 500) log.error(fields, 'request failed')
      else if (route === '/api/v1/events' || path.endsWith('z')) log.debug(fields, 'request')
      else log.info(fields, 'request')
    })
    next()
  }
}
