/** Structured logs: one JSON object a line, secrets and personal data removed by path. */
export * from './create-logger.ts'
