import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { FLEET_NEMESES } from './fleet-nemeses.ts'
import { KILL_POINTS, type Durability } from './kill-points.ts'
import { mayLose, NEMESES, type Nemesis } from './nemeses.ts'
import type { RunReport } from './run-chaos.ts'

/** One run as the page keeps it, in a JSON file beside the page. */
type Entry = Omit<RunReport, 'schedule'> & { command: string; day: string; machine: string }

const HEAD = `# Proof: killed, and counted exactly once
Written by the kill harness itself (\`--proof docs/proof.md\`); do not edit. Each run starts its own processes on databases of
its own, kills them by process id, repeats every request with the same ids until it is acknowledged, lets everything come
to rest, and compares each store with what was acknowledged: distinct acknowledged events = totals = Σ days =
catalog − opening = segments, the ledger balanced, the stores equal, every tick of a schedule in the queue once or recorded
as skipped, no shard stopped, no batch open, and in a whole fleet no job waiting, active or delayed.

- **lost**: acknowledged and not shown. **doubled**: shown more often than acknowledged. **stuck**: rounds that did not
  come to rest. **within promise**: lost to a fault that the durability mode of the run does not promise to survive.
- A seed fixes the schedule and what is sent; the kernel decides how processes interleave. A round that fails leaves its
  schedule in a file: \`./fleet chaos replay FILE --shrink\`.
- *lanes*: two small processes that do all the fleet does, replaced in a moment, so that many kills fit in a minute.
  *fleet*: two APIs, two schedulers and three workers as they are, each behind a proxy, with clients over HTTP.
- Power losses: \`redis-power-loss\` leaves of Redis's file what an fsync has confirmed, and at most a part of the rest; each
  flush of such a round waits for the file by itself, as in production. \`redis-log-tail\` takes what is younger than a
  moment, with a fixed wait of three seconds. Other rounds do not wait: nothing in them takes what Redis has written.
- \`./fleet chaos ls\` says what each kill point and nemesis is.`

/** Writes this run to the page and its JSON, in the place of an earlier one by the same command; others stay. */
export function writeProof(file: string, report: RunReport, args: readonly string[], versions: Record<string, string>): void {
  const data = file.replace(/(\.md)?$/, '.json')
  const { schedule: _, ...kept } = report
  const entry: Entry = {
    ...kept, command: `./fleet chaos ${args.join(' ')}`, day: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB · `
      + Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(' · '),
  }
  const entries = [...readEntries(data).filter(({ command }) => command !== entry.command), entry]
    .sort((a, b) => Number(Boolean(a.breaks)) - Number(Boolean(b.breaks)) || (kindOf(a) < kindOf(b) ? -1 : kindOf(a) > kindOf(b) ? 1 : 0))
  writeFileSync(data, `${JSON.stringify(entries, null, 1)}\n`)
  writeFileSync(file, `${pageOf(entries)}\n`)
}

function readEntries(data: string): Entry[] {
  try {
    return JSON.parse(readFileSync(data, 'utf8')) as Entry[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // the first run writes the page
    throw error
  }
}

function pageOf(entries: readonly Entry[]): string {
  const whole = entries.filter(({ breaks }) => !breaks)
  const broken = entries.filter(({ breaks }) => breaks)
  const kinds = [...new Set(whole.map(kindOf))]
  const sum = (name: 'kills' | 'acknowledged' | 'lost' | 'doubled' | 'stuck' | 'withinPromise' | 'seconds') =>
    whole.reduce((total, entry) => total + entry[name], 0)
  const count = (kind: string, of: 'struck' | 'missed', name: string) =>
    whole.reduce((total, entry) => total + (kindOf(entry) === kind ? entry[of][name] ?? 0 : 0), 0)
  const known: readonly Pick<Nemesis, 'name' | 'weakest' | 'except'>[] = [...NEMESES, ...FLEET_NEMESES.filter(({ name }) => !NEMESES.some((one) => one.name === name))]

  return [HEAD, '## All runs together',
    tableOf(['kills', 'acknowledged', 'lost', 'doubled', 'stuck', 'within promise', 'wall time'], [
      [sum('kills'), sum('acknowledged'), sum('lost'), sum('doubled'), sum('stuck'), sum('withinPromise'), `${Math.round(sum('seconds') / 60)} min`],
    ]),
    '## Each run', runsOf(whole),
    '## Kill points', 'How often a process died there. In brackets: not reached in time, killed from outside.',
    tableOf(['kill point', ...kinds, 'sum'], KILL_POINTS.map(({ name }) => {
      const struck = kinds.map((kind) => count(kind, 'struck', name))
      const missed = kinds.map((kind) => count(kind, 'missed', name))
      return [name, ...struck.map((died, at) => (missed[at] ? `${died} (${missed[at]})` : died)), struck.reduce((a, b) => a + b, 0)]
    })),
    '## Nemeses, by durability mode',
    'How often each struck. *may lose*: the mode does not promise to survive it, and what is lost counts as within the promise.',
    tableOf(['nemesis', 'weakest mode that survives it', ...kinds], known.map(({ name, ...fault }) => [name, fault.weakest, ...kinds.map((kind) => {
      const struck = count(kind, 'struck', name)
      if (struck === 0) return '–'
      return mayLose(fault, kind.split(', ').at(-1) as Durability) ? `${struck}, may lose` : struck
    })])),
    ...(broken.length === 0 ? [] : [
      '## Broken on purpose',
      'A rule of the protocol is taken away (`--break`), and the harness must find what that loses or doubles.', runsOf(broken),
    ]),
  ].join('\n\n')
}

function runsOf(entries: readonly Entry[]): string {
  return [
    tableOf(['run', 'kills', 'rounds', 'acknowledged', 'lost', 'doubled', 'stuck', 'within promise', 'seconds'],
      entries.map(({ command, kills, rounds, acknowledged, lost, doubled, stuck, withinPromise, seconds }) =>
        [`\`${command}\``, kills, rounds, acknowledged, lost, doubled, stuck, withinPromise, seconds])),
    ...Map.groupBy(entries, ({ day, machine }) => `${day} on ${machine}`).keys(),
  ].join('\n\n')
}

/** What stands in one column: the durability comes last. */
function kindOf({ kind, stores, durability }: Pick<Entry, 'kind' | 'stores' | 'durability'>): string {
  return `${kind}, ${stores}, ${durability}`
}

function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const isNumeric = (column: number) => rows.every((row) => typeof row[column] === 'number')
  return [line(head), `|${head.map((_, at) => (isNumeric(at) ? '---:' : '---')).join('|')}|`, ...rows.map(line)].join('\n')
}
