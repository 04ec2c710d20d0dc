import type {
  AnswerOf, auditAnswerSchema, entityAnswerSchema, explainAnswerSchema, jobsAnswerSchema, keysAnswerSchema, ledgerAnswerSchema, Meta, moversAnswerSchema, overviewAnswerSchema,
  purgeAnswerSchema, queuesAnswerSchema, redriveAnswerSchema, reportsAnswerSchema, retentionAnswerSchema, suggestionsAnswerSchema, timeSeriesAnswerSchema, topAnswerSchema, trendsAnswerSchema, usersAnswerSchema,
} from '@tallyfleet/api-contract'

/** The answers of the API by their names here: types alone, so that no schema reaches the browser. */
export type AuditAnswer = AnswerOf<typeof auditAnswerSchema>
export type DeadLettersAnswer = AnswerOf<typeof jobsAnswerSchema>
export type DeadLettersResult = AnswerOf<typeof redriveAnswerSchema> | AnswerOf<typeof purgeAnswerSchema>
export type EntityAnswer = AnswerOf<typeof entityAnswerSchema>
export type ExplainAnswer = AnswerOf<typeof explainAnswerSchema>
export type KeysAnswer = AnswerOf<typeof keysAnswerSchema>
export type LedgerAnswer = AnswerOf<typeof ledgerAnswerSchema>
export type MoversAnswer = AnswerOf<typeof moversAnswerSchema>
export type OverviewAnswer = AnswerOf<typeof overviewAnswerSchema>
export type QueuesAnswer = AnswerOf<typeof queuesAnswerSchema>
export type ReportsAnswer = AnswerOf<typeof reportsAnswerSchema>
export type RetentionAnswer = AnswerOf<typeof retentionAnswerSchema>
export type SuggestionsAnswer = AnswerOf<typeof suggestionsAnswerSchema>
export type TimeSeriesAnswer = AnswerOf<typeof timeSeriesAnswerSchema>
export type TopAnswer = AnswerOf<typeof topAnswerSchema>
export type TrendsAnswer = AnswerOf<typeof trendsAnswerSchema>
export type UsersAnswer = AnswerOf<typeof usersAnswerSchema>
export type { Meta }

/** A run of the parity check, as the journal keeps it. */
export type ParityRun = {
  at: string
  equal: boolean
  stores: Record<string, { compared: number; differences: number }>
  differences: { store: string; what: string; expected: number; actual: number }[]
  orphans: { count: number; sample: string[] }
  inFlight: { catalog: number; segments: number }
  tookMs: number
}
export type ParityAnswer = { data: { latest: ParityRun | null; runs: ParityRun[] }; meta: Meta }
