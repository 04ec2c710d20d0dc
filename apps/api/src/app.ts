import type { RequestListener } from 'node:http'
import { AppError } from '@tallyfleet/domain'
import express from 'express'
import helmet from 'helmet'
import { handleError } from './http/handle-error.ts'
import { ingestLane } from './http/ingest-lane.ts'
import { logRequests } from './http/request-log.ts'
import { assignRequestId } from './http/request-id.ts'
import { serveRoutes } from './http/serve-routes.ts'
import type { ApiNeeds } from './needs.ts'
import { boardPages } from './pages/board.ts'
import { dashboardPages } from './pages/dashboard.ts'
import { docsPages } from './pages/docs.ts'
import { healthPages } from './pages/health.ts'
import { landingPage } from './pages/landing.ts'
import { loginPages } from './pages/login.ts'
import { metricsPage } from './pages/metrics.ts'
import { snippetPage } from './pages/snippet.ts'
import { routes } from './routes/index.ts'

const PAGES = ['/', '/livez', '/readyz', '/metrics', '/openapi.json', '/docs', '/docs/errors', '/fleet.js']

/** The whole HTTP surface over open stores; it does not listen. */
export function buildApp(needs: ApiNeeds): RequestListener {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.set('trust proxy', needs.config.HTTP_TRUSTED_PROXIES)

  app.use(assignRequestId, logRequests(needs))
  app.use(serveRoutes(routes, needs))
  app.use(helmet({
    strictTransportSecurity: false, // The proxy that ends TLS knows whether this holds.
    contentSecurityPolicy: { useDefaults: false, directives: {
      defaultSrc: ["'none'"], styleSrc: ["'self'"], imgSrc: ["'self'"], baseUri: ["'none'"], formAction: ["'none'"],
      frameAncestors: ["'none'"],
    } },
  }))
  app.use(healthPages(needs), metricsPage(needs), snippetPage(), docsPages())
  app.use(loginPages(needs), boardPages(needs), dashboardPages(needs.dashboardFolder), landingPage())
  app.all(PAGES, (request, response) => {
    response.setHeader('allow', 'GET, HEAD')
    throw new AppError('METHOD_UNKNOWN', `${request.method} is not one of GET, HEAD`)
  })
  app.use((request) => { throw new AppError('ROUTE_UNKNOWN', `nothing is at ${request.path.slice(0, 200)}`) })
  app.use(handleError(needs.log))
  return ingestLane(needs, app)
}
