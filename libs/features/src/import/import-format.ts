export const IMPORT_FORMATS = ['movielens', 'combined', 'ndjson', 'csv'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** Formats in which a record is a line. A record of `csv` may go on over several. */
export type LineFormat = Exclude<ImportFormat, 'csv'>

/** Why a record is not an event: a fixed word that can be counted, and a sentence for people without personal data. */
export type Reject = { reason: string; detail: string }

/**
 * What one record of a file says. `event` follows the ingest contract, `event_id` optional, and is still to be checked
 * against the packs. `skip` is nobody's event and nobody's fault: a header, or blank lines at the end.
 */
export type ReadLine = { event: unknown } | { reject: Reject } | { skip: true }

export type LineContext = {
  /** Domain of events that name none; default: the format's own (`jav`, `web`), none for `ndjson`. */
  domain?: string | undefined
}

/** A reader of single lines, without their line ending. Pure; never throws. */
export type LineReader = (line: string, context: LineContext) => ReadLine
