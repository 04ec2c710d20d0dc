import type { EvidenceFault } from './evidence-fault.ts'
import type { Checked } from './find-signed.ts'
import { REPORT_FORMAT } from './generate-report.ts'
import { folderNameOf, HEAD_FILE, REPORT_FILE, type Head } from './report-folder.ts'

/** Whether the reports follow each other, from the first to the one that the head names. */
export function checkChain(
  all: Checked[], head: Head | undefined,
  { alone, named, newest }: { alone: boolean; named: boolean; newest: number | undefined }, faults: EvidenceFault[],
): void {
  const bySequence = new Map<number, Checked>()
  for (const one of all) {
    const { files: { name }, signed } = one
    if (!signed) continue
    const file = `${name}/${REPORT_FILE}`
    const { sequence, chain, format } = signed.report
    if (format !== REPORT_FORMAT) {
      const detail = `is of format ${format}; this version knows ${REPORT_FORMAT}`
      faults.push({ file, what: 'version-unknown', detail })
    }
    if (head && chain !== head.chain) {
      faults.push({ file, what: 'chain-broken', detail: 'is a report of another folder' })
    } else if (named && name !== folderNameOf(sequence)) {
      faults.push({ file, what: 'swapped', detail: `holds report ${sequence}` })
    }
    const known = bySequence.get(sequence)
    if (!known || known.files.name !== folderNameOf(sequence)) bySequence.set(sequence, one)
  }
  if (alone) return
  const unknown = new Set(all.filter(({ signed }) => !signed).map(({ files }) => files.name)) // named already
  const last = Math.max(head?.sequence ?? 0, ...bySequence.keys(), 0)
  const first = newest === undefined ? 1 : Math.max(1, last - newest + 1)
  for (let sequence = first; sequence <= last; sequence++) {
    const one = bySequence.get(sequence)
    const file = `${folderNameOf(sequence)}/${REPORT_FILE}`
    if (!one) {
      const named = unknown.has(folderNameOf(sequence))
      if (!named) faults.push({ file, what: 'missing', detail: `report ${sequence} was deleted` })
      continue
    }
    const previous = bySequence.get(sequence - 1)?.signed?.sha256 ?? (sequence === 1 ? null : undefined)
    if (previous !== undefined && one.signed!.report.previous !== previous) {
      const detail = `does not follow the report ${sequence - 1} that is here`
      faults.push({ file: `${one.files.name}/${REPORT_FILE}`, what: 'chain-broken', detail })
    }
  }
  const newestOne = head && bySequence.get(head.sequence)?.signed
  if (newestOne && newestOne.sha256 !== head.sha256) {
    const detail = `names another report ${head.sequence} than the one that is here`
    faults.push({ file: HEAD_FILE, what: 'chain-broken', detail })
  }
}
