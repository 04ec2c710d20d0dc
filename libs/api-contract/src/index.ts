/**
 * What travels over HTTP: request and answer schemas, and the document that describes them. No behaviour.
 * Start at envelope.ts (the form of every answer) and operation.ts (what one endpoint is).
 */
export * from './admin.ts'
export * from './demo.ts'
export * from './describe-api.ts'
export * from './entities.ts'
export * from './envelope.ts'
export * from './events.ts'
export * from './explore.ts'
export * from './fleet.ts'
export * from './insight.ts'
export * from './live.ts'
export * from './operation.ts'
export * from './parameters.ts'
export * from './problem.ts'
export * from './proof.ts'
export * from './session.ts'
export * from './quality.ts'
export * from './saved.ts'
export * from './segments.ts'
export * from './telemetry.ts'
