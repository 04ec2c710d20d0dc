import { describeApi, type ApiDocument } from '@tallyfleet/api-contract'
import { routes } from './routes/index.ts'

/** The OpenAPI document of every route: what `/openapi.json` answers and `openapi.json` holds. */
export function openApiDocument(): ApiDocument {
  return describeApi(routes.map(({ operation }) => operation), '1.0.0')
}
