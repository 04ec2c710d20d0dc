import { AppError } from '@tallyfleet/domain'
import type { EvidenceFault } from './evidence-fault.ts'
import { verifyReports, type VerifiedReport } from './verify-report.ts'

export type ReportList = {
  /** Fingerprint of the key that the reports were checked with. */
  fingerprint: string | undefined
  /** Newest first. */
  reports: (VerifiedReport & { faults: EvidenceFault[] })[]
  /** What is wrong beside the reports' own files: with the key, the head, or reports that are missing. */
  faults: EvidenceFault[]
}

/** The newest reports of a folder, each verified. A folder that is not there has none. */
export async function listReports(folder: string, limit: number): Promise<ReportList> {
  try {
    const { fingerprint, reports, faults } = await verifyReports(folder, { newest: limit })
    const own = (name: string) => faults.filter(({ file }) => file.startsWith(`${name}/`))
    return {
      fingerprint,
      reports: reports.map((report) => ({ ...report, faults: own(report.name) })).reverse(),
      faults: faults.filter(({ file }) => !reports.some(({ name }) => file.startsWith(`${name}/`))),
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'RECORD_UNKNOWN') throw error
    return { fingerprint: undefined, reports: [], faults: [] }
  }
}
