import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { FLEET_NEMESES } from './fleet-nemeses.ts'
import { FLEET_POINTS, KILL_POINTS } from './kill-points.ts'
import { NEMESES } from './nemeses.ts'
import type { RunReport } from './run-chaos.ts'

const HEAD = `# Proof: killed, and counted exactly once
Written by the kill harness itself (\`--proof\`), a section for each kind of run; do not edit. Run it on your own machine:
the harness starts its own processes on databases of its own, kills them by process id, repeats every request with the
same ids until it is acknowledged, lets everything come to rest, and compares each store with what was acknowledged:
distinct acknowledged events = totals = Σ days = catalog − opening = segments, the ledger balanced, every tick of a
schedule in the queue once or recorded as skipped, no shard stopped, no batch open.

- **lost**: acknowledged and not shown. **doubled**: shown more often than acknowledged. **stuck**: rounds that did not
  come to rest. **within promise**: lost to a fault that the durability mode does not promise to survive.
- A seed fixes the schedule and what is sent; the kernel decides how processes interleave.
- \`./fleet chaos ls\` says what each kill point and nemesis is, and the weakest durability mode that survives it.
`

/** Writes the section of this run, and leaves those of other kinds of run as they are. */
export function writeProof(file: string, report: RunReport, args: readonly string[], versions: Record<string, string>): void {
  const title = `## ${report.kind === 'fleet' ? 'whole fleet, ' : ''}${report.stores}, ${report.durability}`
  let text = HEAD
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // the first run writes the page
  }
  const sections = text.split(/\n(?=## )/).slice(1).map((section) => section.trimEnd()).filter((section) => !section.startsWith(`${title}\n`))
  const all = [...sections, sectionOf(title, report, args, versions)].sort()
  writeFileSync(file, `${[HEAD.trimEnd(), ...all].join('\n\n')}\n`)
}

function sectionOf(title: string, report: RunReport, args: readonly string[], versions: Record<string, string>): string {
  const { rounds, kills, acknowledged, lost, doubled, stuck, withinPromise, seconds, struck, missed } = report
  const points = KILL_POINTS.filter(({ name }) => report.kind === 'lanes' || FLEET_POINTS.has(name)).map(({ name }) => [name, struck[name] ?? 0, missed[name] ?? 0] as const)
  const nemeses = (report.kind === 'fleet' ? FLEET_NEMESES : NEMESES).flatMap(({ name, weakest }) => (struck[name] ? [`| ${name} | ${struck[name]} | ${weakest} |`] : []))
  return `${title}
\`./fleet chaos ${args.join(' ')}\` · ${new Date().toISOString().slice(0, 10)} · ${seconds} s
${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(' · ')} · ${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB

| kills | rounds | acknowledged | lost | doubled | stuck | within promise |
|---:|---:|---:|---:|---:|---:|---:|
| ${[kills, rounds, acknowledged, lost, doubled, stuck, withinPromise].join(' | ')} |

| kill point | died there | not reached in time, killed from outside |
|---|---:|---:|
${points.map((row) => `| ${row.join(' | ')} |`).join('\n')}

| nemesis | struck | weakest mode that survives |
|---|---:|---|
${nemeses.join('\n')}`
}
