import type { Change } from './find-change.ts'

/**
 * What is wrong with a file:
 * - `changed`, `truncated`, `appended`: other bytes than were signed; `byte` is the first that differs, from 0
 * - `missing`: a file, or a report that the chain or the head knows, is not there
 * - `swapped`: a report stands under another one's name
 * - `other-key`: signed, but not with the key that counts
 * - `unsigned`: nothing that was signed is left, neither the report nor its copy
 * - `chain-broken`: signed, but it does not follow the report before it, or belongs to another folder
 * - `version-unknown`: signed, but of a format that this version cannot judge
 */
export type EvidenceFault = {
  /** From the folder, as `000003/report.json`. */
  file: string
  what: Change['what'] | 'missing' | 'swapped' | 'other-key' | 'unsigned' | 'chain-broken' | 'version-unknown'
  byte?: number
  detail: string
}
