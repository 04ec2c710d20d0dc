import process from 'node:process'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { MIGRATE_STORES_HELP } from './commands/migrate-help.ts'
import { loadEnvironment, ROOT, type Environment } from './context.ts'
import { EXIT, report, type CommandResult } from './output.ts'
import { ROLES, type RoleName } from './role.ts'

const given = { ...process.env }
const json = process.argv.includes('--json')

const program = new Command('fleet').description('Tallyfleet: an analytics fleet that never miscounts')
program.exitOverride().configureOutput({ writeErr: (text) => { if (!json) process.stderr.write(text) } })

/** Adds a command that answers once: `--json`, exit codes and errors are the same for all. */
function answering(parent: Command, usage: string, description: string): Command & { runs: typeof runs } {
  const command = parent.command(usage).description(description).option('--json', 'one JSON object on stdout')
  const runs = (run: (env: Environment, ...args: never[]) => Promise<CommandResult>) =>
    command.action(async (...args: unknown[]) => {
      const name = command.parent === program ? command.name() : `${command.parent!.name()} ${command.name()}`
      process.exitCode = await report(name, json, () => run(loadEnvironment(given), ...(args.slice(0, -1) as never[])))
    })
  return Object.assign(command, { runs })
}

const whole = (text: string) => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('needs a whole number')
  return Number(text)
}
const collect = (value: string, list: string[]) => [...list, ...value.split(',')]

program.command('up').description('run the whole fleet on this machine, in the foreground')
  .option('--demo', 'with films and 30 days of traffic in the tenant default', false)
  .option('--json', 'one JSON object on stdout, once it is ready')
  .action(async ({ demo }: { demo: boolean }) => {
    const { up } = await import('./commands/up.ts')
    process.exit(await report('up', json, (answer) => up(loadEnvironment(given), given, { demo }, answer)))
  })

program.command('test').description('install and start what the tests need, and run them all')
  .option('--long', 'the long runs too: kills, soak', false).option('--json', 'one JSON object on stdout').argument('[filters...]')
  .action(async (filters: string[], { long }: { long: boolean }) => {
    const { runTests } = await import('./commands/test.ts')
    process.exitCode = await report('test', json, () => runTests({ long, filters, root: ROOT, json }))
  })

for (const name of Object.keys(ROLES) as RoleName[]) {
  const command = program.command(name).description(`one ${name}, for production`)
  if (name === 'api') command.option('--processes <n>', 'processes that share the port', whole)
  if (name === 'worker') command.option('--queues <list>', 'queues to serve, as flush:2,sync')
  command.action(({ processes, queues }: { processes?: number; queues?: string }) => {
    const env = { ...loadEnvironment(given), ...(processes ? { API_PROCESSES: String(processes) } : {}), ...(queues ? { FLEET_QUEUES: queues } : {}) }
    // Takes this process's place, so that signals and exit codes are the role's own.
    process.execve!(process.execPath, [process.execPath, join(ROOT, ROLES[name])], definedOnly(env))
  })
}

const tenants = program.command('tenants').description('tenants and their time zones')
answering(tenants, 'create <tenant>', 'make a tenant').requiredOption('--zone <zone>', 'IANA time zone of its days')
  .runs(async (env, id: string, options: { zone: string }) => (await import('./commands/access.ts')).createTenantCommand(env, id, options))
answering(tenants, 'ls', 'list tenants').runs(async (env) => (await import('./commands/access.ts')).listTenants(env))

const keys = program.command('keys').description('API keys')
answering(keys, 'create', 'make a key; its secret is shown once')
  .option('--tenant <tenant>', 'whose events it sends or reads', 'default').requiredOption('--scopes <list>', 'ingest,read,admin')
  .option('--name <name>').option('--limit <n>', 'events a minute; 0 = off', whole)
  .option('--publishable', 'for web pages: may only ingest, from --origins').option('--origins <list>')
  .runs(async (env, options: never) => (await import('./commands/access.ts')).createKeyCommand(env, options))
answering(keys, 'ls', 'list keys').option('--tenant <tenant>')
  .runs(async (env, options: { tenant?: string }) => (await import('./commands/access.ts')).listKeys(env, options))
answering(keys, 'rotate <id>', 'make a key like it and revoke it')
  .option('--overlap <hours>', 'how long the old one works beside it', whole)
  .runs(async (env, id: string, options: { overlap?: number }) => (await import('./commands/access.ts')).rotateKeyCommand(env, id, options))
answering(keys, 'revoke <id>', 'stop a key within 5 s')
  .runs(async (env, id: string) => (await import('./commands/access.ts')).revokeKey(env, id))

const users = program.command('users').description('people who may log in')
answering(users, 'put <name>', 'make a person or change role and password; the password comes from standard input')
  .requiredOption('--role <role>', 'viewer, analyst, operator or admin')
  .runs(async (env, name: string, { role }: { role: string }) =>
    (await import('./commands/access.ts')).putUser(env, name, { role, password: await readLine() }))
answering(users, 'ls', 'list people').runs(async (env) => (await import('./commands/access.ts')).listUsers(env))

answering(program, 'import <file>', 'import events; a line counts once however often the file is imported; - is standard input')
  .requiredOption('--format <format>', 'movielens, combined, ndjson or csv').option('--tenant <tenant>', 'whose events', 'default')
  .option('--domain <domain>', 'the pack of events that name none').option('--map <fields>', 'csv: entity_id=column,action==view', collect, [])
  .runs(async (env, file: string, options: never) => (await import('./commands/import.ts')).importEvents(env, file, options))

const catalog = program.command('catalog').description('catalog rows')
answering(catalog, 'import <file>', 'upsert rows by id; totals are projected at once')
  .requiredOption('--format <format>', 'movielens, ndjson or csv').option('--tenant <tenant>', 'whose rows', 'default')
  .option('--domain <domain>', 'the pack', 'jav').option('--type <type>', 'the entity type', 'movie')
  .runs(async (env, file: string, options: never) => (await import('./commands/import.ts')).importCatalogRows(env, file, options))

answering(program, 'flush', 'flush now').option('--wait', 'until every store shows what was hot', false)
  .option('--timeout <seconds>', 'with --wait; without it, 60 s in which nothing moves', whole)
  .runs(async (env, { wait, timeout }: { wait: boolean; timeout?: number }) =>
    (await import('./commands/flush.ts')).flush(env, { wait, timeoutSeconds: timeout }))
answering(program, 'parity-check', 'compare the stores; exit 3 when they differ').option('--store <list>', 'ledger, rollups, catalog, segments', collect, [])
  .option('--from <day>', 'rollups: buckets that share a day with the range').option('--to <day>', 'exclusive')
  .option('--repair', 'put right what differs from its source', false).option('--dry-run', 'with --repair: say what it would do', false)
  .runs(async (env, options: never) => (await import('./commands/proof.ts')).parityCheck(env, options))
answering(program, 'ledger', 'the conservation ledger').option('--from <day>').option('--to <day>').option('--tenant <tenant>')
  .runs(async (env, options: never) => (await import('./commands/proof.ts')).ledger(env, options))
const reports = program.command('report').description('signed evidence')
answering(reports, 'generate', 'write down what every store shows, signed and chained').option('--out <dir>', 'another folder')
  .runs(async (env, options: never) => (await import('./commands/report.ts')).generate(env, options))
answering(reports, 'verify [path]', 'check reports offline; exit 3 names the first changed byte').option('--out <dir>', 'another folder')
  .option('--key <fingerprint>', 'the key that must have signed')
  .runs(async (env, path: string | undefined, options: never) => (await import('./commands/report.ts')).verify(env, path, options))
answering(reports, 'ls', 'list reports').option('--out <dir>', 'another folder').option('--limit <n>', 'the newest', whole, 20)
  .runs(async (env, options: never) => (await import('./commands/report.ts')).ls(env, options))
answering(program, 'explain <domain> <entity_type> <entity_id> <action>', 'why a number is what it is')
  .option('--bucket <key>', 'a day, week, month or year; all by itself').option('--tenant <tenant>', 'whose number', 'default')
  .runs(async (env, domain: string, type: string, id: string, action: string, options: never) =>
    (await import('./commands/explain.ts')).explain(env, [domain, type, id, action], options))

const queues = program.command('queues').description('the queues')
answering(queues, 'ls', 'depths and workers').runs(async (env) => (await import('./commands/operate.ts')).listQueues(env))
for (const act of ['pause', 'resume', 'retry', 'drain'] as const) {
  answering(queues, `${act} <queue>`, `${act} a queue`).option('--yes', 'without asking', false)
    .runs(async (env, queue: string, options: { yes: boolean }) => (await import('./commands/operate.ts')).actOnQueue(env, act, queue, options))
}

const jobs = program.command('jobs').description('the jobs of the queues')
answering(jobs, 'ls', 'jobs of one state').option('--queue <queue>', 'all by itself')
  .option('--state <state>', 'waiting, prioritized, delayed, active, waiting-children, completed or failed', 'waiting').option('--limit <n>', 'at most', whole, 100)
  .runs(async (env, options: never) => (await import('./commands/jobs.ts')).listJobs(env, options))
answering(jobs, 'show <queue> <id>', 'one job in full')
  .runs(async (env, queue: string, id: string) => (await import('./commands/jobs.ts')).showJob(env, queue, id))
answering(jobs, 'cancel <queue> <id>', 'take a job out, or have its worker end it within 2 s')
  .runs(async (env, queue: string, id: string) => (await import('./commands/jobs.ts')).cancelJob(env, queue, id))
answering(jobs, 'rules', 'which jobs are paused or rolled out').runs(async (env) => (await import('./commands/jobs.ts')).listJobRules(env))
for (const act of ['pause', 'resume'] as const) {
  answering(jobs, `${act} <job>`, `${act} every job of a name`)
    .runs(async (env, job: string) => (await import('./commands/jobs.ts')).pauseJob(env, job, act === 'pause'))
}
answering(jobs, 'rollout <job>', 'give a share of a job to the workers of a release')
  .option('--release <name>', 'their FLEET_RELEASE').option('--share <percent>', 'how many of the jobs', whole)
  .option('--done', 'every worker runs it again', false)
  .runs(async (env, job: string, options: never) => (await import('./commands/jobs.ts')).rollOutJob(env, job, options))
answering(jobs, 'rollback [job]', 'take it, or all that is rolled out, from the new release')
  .runs(async (env, job: string | undefined) => (await import('./commands/jobs.ts')).rollBackJob(env, job))

const dlq = program.command('dlq').description('dead letters: jobs that failed for good')
const choosing = (usage: string, description: string) => answering(dlq, usage, description)
  .option('--queue <queue>', 'all by itself').option('--job <name>', 'jobs of this name').option('--reason <text>', 'a part of the reason')
  .option('--limit <n>', 'at most', whole) as ReturnType<typeof answering>
choosing('ls', 'list them').runs(async (env, options: never) => (await import('./commands/jobs.ts')).listDead(env, options))
answering(dlq, 'show <queue> <id>', 'one in full')
  .runs(async (env, queue: string, id: string) => (await import('./commands/jobs.ts')).showDead(env, queue, id))
choosing('export <file>', 'write them as NDJSON; - is standard output')
  .runs(async (env, file: string, options: never) => (await import('./commands/jobs.ts')).exportDead(env, file, options))
const redriving = choosing('redrive', 'put them back to waiting, with all their tries')
redriving.option('--id <id>', 'one of --queue').option('--rate <n>', 'at most so many a second', whole)
  .option('--dry-run', 'say which', false).option('--force', 'also those that were redriven three times', false)
redriving.runs(async (env, options: never) => (await import('./commands/jobs.ts')).redriveDead(env, options))
const purging = choosing('purge', 'delete them for good')
purging.option('--id <id>', 'one of --queue').option('--dry-run', 'say which', false).option('--yes', 'without asking', false)
purging.runs(async (env, options: never) => (await import('./commands/jobs.ts')).purgeDead(env, options))

answering(program, 'doctor', 'say what is wrong and what can be done').option('--resume', 'let shards go on whose stores agree again', false)
  .runs(async (env, { resume }: { resume: boolean }) => {
    const operate = await import('./commands/operate.ts')
    return resume ? operate.resumeShards(env) : operate.doctor(env)
  })
const log = program.command('log').description('the ingest logs of this home, from which a lost Redis is rebuilt')
answering(log, 'ls', 'what is in them').runs(async (env) => (await import('./commands/log.ts')).listLogsCommand(env))
answering(log, 'verify', 'check every record; exit 3 when one is damaged').runs(async (env) => (await import('./commands/log.ts')).verifyLogs(env))
answering(log, 'rebuild', 'send Redis what it lacks of them').option('--stopped', 'throw away and make again what Redis holds of stopped shards', false)
  .runs(async (env, options: { stopped: boolean }) => (await import('./commands/log.ts')).rebuildFromLogs(env, options))
answering(log, 'forget <id>', 'give up a log that is gone for good and that a rebuild waits for')
  .runs(async (env, id: string) => (await import('./commands/log.ts')).forgetLogCommand(env, id))
const config = program.command('config').description('settings')
for (const act of ['print', 'check'] as const) {
  answering(config, act, act === 'print' ? 'every setting, where it comes from, secrets masked' : 'exit 4 when a setting is wrong')
    .runs(async (env) => (await import('./commands/config.ts')).configCommand(env, given))
}
const migrate = program.command('migrate').description('schemas of the stores')
answering(migrate, 'up', 'bring every schema up to date').runs(async (env) => (await import('./commands/operate.ts')).migrateUp(env))
answering(migrate, 'status', 'where the stores are, and whether the rollups are on the move')
  .runs(async (env) => (await import('./commands/migrate-stores.ts')).migrateStatus(env))
answering(migrate, 'stores', 'take the rollups to another store, with the shards stopped').addHelpText('after', MIGRATE_STORES_HELP)
  .option('--from <url>', 'where they are; unset: where the settings say').requiredOption('--to <url>', 'where they go')
  .option('--dry-run', 'say what would be copied', false)
  .runs(async (env, options: never) => (await import('./commands/migrate-stores.ts')).migrateStores(env, options))
const openapi = program.command('openapi').description('the HTTP API')
answering(openapi, 'export', 'print the OpenAPI document').runs(async () => (await import('./commands/operate.ts')).exportOpenApi())
answering(program, 'bench <name>', 'run a benchmark of ops/load').option('--seconds <n>', 'an arm and repeat (5), or a soak (1800)', whole)
  .option('--repeats <n>', 'runs of each arm (5)', whole).option('--full', 'the sizes that take minutes, too', false)
  .option('--url <url>', 'peer: where the other system runs; its key in PEER_TOKEN').option('--kind <kind>', 'peer: goatcounter or umami')
  .option('--pid <pid>', 'peer: its process, to be killed with -9 under load and started again', whole)
  .option('--write', 'put the figures into docs/performance.md', false)
  .runs(async (_env, name: string, options: never) => (await import('./commands/bench.ts')).bench(name, options))

const chaos = program.command('chaos').description('the kill harness: own processes on own databases, killed and counted')
answering(chaos, 'run', 'kill processes for a while; exit 3 when an event was lost, doubled or stuck').option('--seed <seed>', 'the same seed deals the same schedule')
  .option('--minutes <n>', 'for how long', '1').option('--kills <n>', 'ends it as well').option('--stores <edition>', 'embedded or servers', 'embedded')
  .option('--only <name>', 'one kill point or nemesis of chaos ls').option('--durability <mode>', 'what a 202 promises', 'everysec')
  .option('--break <rule>', 'take a rule of the protocol away: dedupe, freeze, fence or wait')
  .option('--fleet', 'the real processes with clients over HTTP: fewer kills, worse faults', false).option('--proof <file>', 'write the figures into this page')
  .runs(async (_env, options: never) => (await import('./commands/chaos.ts')).chaosRun('run', options))
answering(chaos, 'replay <schedule>', 'play a failed round again').option('--shrink', 'look for fewer strikes that still fail', false)
  .option('--tries <n>', 'how often, until it fails', '3')
  .runs(async (_env, file: string, options: never) => (await import('./commands/chaos.ts')).chaosRun('replay', options, file))
answering(chaos, 'ls', 'kill points and nemeses, each with the weakest durability that survives it')
  .runs(async () => (await import('./commands/chaos.ts')).chaosLs())

answering(program, 'completion [shell]', 'a script that completes commands and options: eval "$(./fleet completion bash)"')
  .runs(async (_env, shell = 'bash') => (await import('./commands/completion.ts')).completion(program, shell))

/** The command that arguments call, as far as there is one. */
function commandNamed(args: string[], from: Command = program): string {
  const [first, ...rest] = args
  const found = from.commands.find((command) => command.name() === first)
  if (!found) return from === program ? 'fleet' : ''
  return `${found.name()} ${commandNamed(rest, found)}`.trimEnd()
}

async function readLine(): Promise<string> {
  let text = ''
  for await (const part of process.stdin) text += String(part)
  return text.split('\n')[0]!
}

function definedOnly(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  if (error.exitCode === 0) process.exitCode = EXIT.ok // help or version
  else {
    process.exitCode = EXIT.usage
    if (json) await report(commandNamed(process.argv.slice(2)), true, () => Promise.reject(new AppError('USAGE_INVALID', error.message)))
  }
}
