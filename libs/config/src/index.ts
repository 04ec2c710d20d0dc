/**
 * What a process needs around its work: settings read once from the environment, and an orderly end.
 * Each lib exports the zod slice of what it needs; a main.ts joins slices and calls {@link loadConfig}. The slices of
 * the roles that have no lib of their own stand here, so that a command may print and check them.
 */
export * from './api-config.ts'
export * from './env-markdown.ts'
export * from './exit-on-fault.ts'
export * from './load-config.ts'
export * from './scheduler-config.ts'
export * from './until-stopped.ts'
export * from './workers-config.ts'
