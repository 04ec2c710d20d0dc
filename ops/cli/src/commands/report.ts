import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { apiConfig, loadConfig, schedulerConfig, workersConfig } from '@tallyfleet/config'
import { generateReport, listReports, verifyReports, type EvidenceFault } from '@tallyfleet/features'
import { loggingConfig } from '@tallyfleet/logging'
import { systemClock } from '@tallyfleet/ports'
import { storesConfig } from '@tallyfleet/stores'
import { z } from 'zod'
import { openAll, packs, ROOT, storesConfigOf, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'

const SHOWN_FAULTS = 50

/** Writes a signed report of every store. Exit 3 when it tells of a difference; the report is written all the same. */
export async function generate(env: Environment, { out }: { out?: string }): Promise<CommandResult> {
  const home = storesConfigOf(env).FLEET_HOME
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  await using stores = await openAll(env)
  const needs = { ...stores, packs, clock: systemClock }
  const { report, path, sha256, fingerprint, warnings } = await generateReport(needs, {
    folder: folderOf(home, out), keyPath: join(home, 'evidence-key'), codeVersion: version,
    settings: publicSettings(env),
  })
  const { sequence, previous, generatedAt, totals, ledger, parity } = report
  const agrees = totals.every((total) => total.agrees)
  const equal = ledger.balanced && parity.equal && (agrees || !report.quiet)
  return {
    exit: equal ? EXIT.ok : EXIT.difference, warnings,
    data: {
      sequence, file: path, sha256, previous, fingerprint, generatedAt, quiet: report.quiet, equal,
      balanced: ledger.balanced, parity: parity.equal, totals,
    },
    text: [
      table(['tenant', 'domain', 'type', 'action', 'rollups', 'days', 'catalog', 'without row', 'segments', ''],
        totals.filter(({ measure }) => measure === 'count').map((total) => [
          total.tenant, total.domain, total.entityType, total.action, total.rollups, total.days,
          total.catalog ? total.catalog.shown - total.catalog.opening : '', total.catalog?.withoutRow ?? '',
          total.segments ?? '', total.agrees ? '' : report.quiet ? 'DIFFERENT' : 'on its way',
        ])),
      `ledger ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}, parity ${parity.equal ? 'equal' : 'DIFFERENT'}`,
      `report ${sequence}: ${path}`, `sha256 ${sha256}`, `key ${fingerprint}`,
    ].join('\n'),
  }
}

/** Checks a folder of reports, or one report, without any store. Exit 3 names what was changed. */
export async function verify(
  env: Environment, path: string | undefined, { key, out }: { key?: string; out?: string },
): Promise<CommandResult> {
  const place = path === undefined ? folderOf(storesConfigOf(env).FLEET_HOME, out) : resolve(path)
  const found = await verifyReports(place, key === undefined ? {} : { fingerprint: key })
  const warnings = found.pinned || !found.valid ? [] : [
    `checked with the key beside the reports: compare ${found.fingerprint} with the one you know, or give it as --key`,
  ]
  return {
    exit: found.valid ? EXIT.ok : EXIT.difference, warnings, data: { path: place, ...found },
    text: found.valid ? `${found.reports.length} reports, all as they were signed with ${found.fingerprint}`
      : tell(found.faults),
  }
}

/** The newest reports, each verified. */
export async function ls(env: Environment, { out, limit }: { out?: string; limit: number }): Promise<CommandResult> {
  const list = await listReports(folderOf(storesConfigOf(env).FLEET_HOME, out), limit)
  const rows = list.reports.map(({ name, generatedAt, verified, sha256 }) =>
    [name, generatedAt ?? '', verified ? 'verified' : 'NOT VERIFIED', sha256 ?? ''])
  return {
    data: list,
    text: rows.length === 0 ? 'no reports yet: fleet report generate'
      : [table(['report', 'at', '', 'sha256'], rows), tell(list.faults)].join('\n').trimEnd(),
  }
}

function tell(faults: EvidenceFault[]): string {
  const lines = faults.slice(0, SHOWN_FAULTS).map(({ file, what, detail }) => `${file}: ${what}: ${detail}`)
  if (faults.length > SHOWN_FAULTS) lines.push(`and ${faults.length - SHOWN_FAULTS} more`)
  return lines.join('\n')
}

function folderOf(home: string, out: string | undefined): string {
  return out === undefined ? join(home, 'reports') : resolve(out)
}

/** What shapes the numbers: no secret, and of the stores which engine, not where. */
function publicSettings(env: Environment): Record<string, unknown> {
  const schema = z.object({
    ...storesConfig.shape, ...loggingConfig.shape, ...apiConfig.shape, ...workersConfig.shape, ...schedulerConfig.shape,
  })
  const settings = Object.entries(loadConfig(schema, env) as Record<string, unknown>)
  return Object.fromEntries(settings.flatMap(([name, value]) => {
    if (/SECRET|TOKEN|PASSWORD|KEY|^FLEET_HOME$/.test(name)) return []
    return [[name, name.endsWith('_URL') ? String(value ?? '').split(':')[0] : value]]
  }))
}
