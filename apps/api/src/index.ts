/**
 * The HTTP API. main.ts opens and listens; app.ts is the whole surface; routes/index.ts lists the endpoints, each in
 * a folder of its own. What others need of it is exported here.
 */
export { buildApp } from './app.ts'
export { errorsMarkdown } from './http/error-response.ts'
export type { ApiNeeds } from './needs.ts'
export { openApi, type OpenApi } from './open-api.ts'
export { openApiDocument } from './openapi.ts'
