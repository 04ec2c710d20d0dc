/**
 * Records that are kept for a while: for how many days unless an installation says otherwise, and the fewest it may say.
 * Ticks must outlive every job that may still be enqueued for one; pages show a month of minutes.
 */
export const RETENTION = {
  batches: { days: 35, least: 7 }, ticks: { days: 30, least: 14 }, minutes: { days: 400, least: 32 },
  parity: { days: 400, least: 7 }, jobEvents: { days: 90, least: 7 },
} as const satisfies Record<string, { days: number; least: number }>

export type RetentionKind = keyof typeof RETENTION
export const RETENTION_KINDS = Object.keys(RETENTION) as RetentionKind[]

/** Ten years. */
export const MOST_RETENTION_DAYS = 3_660
