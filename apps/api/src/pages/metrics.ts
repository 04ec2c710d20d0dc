import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '@tallyfleet/domain'
import { Router } from 'express'
import type { ApiNeeds } from '../needs.ts'

/** `/metrics`: Prometheus text of the fleet. With METRICS_TOKEN set it asks for it as a bearer token. */
export function metricsPage({ config: { METRICS_TOKEN: token }, metrics, mergedMetrics }: ApiNeeds): Router {
  const router = Router()
  router.get('/metrics', async (request, response) => {
    const given = request.headers.authorization?.replace(/^Bearer +/i, '')
    if (token !== undefined && !equals(given ?? '', token)) {
      throw new AppError(given === undefined ? 'KEY_MISSING' : 'KEY_UNKNOWN', 'the metrics need their token')
    }
    response.type('text/plain; version=0.0.4').send(await (mergedMetrics?.() ?? metrics.registry.metrics()))
  })
  return router
}

function equals(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
