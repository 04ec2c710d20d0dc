import { appendFile, writeFile } from 'node:fs/promises'
import { AppError } from '@tallyfleet/domain'
import {
  appendAudit, listDeadLetters, MAX_DEAD_LETTERS, MAX_REDRIVES, purgeDeadLetters, redriveDeadLetters,
  type DeadLetterChoice, type DeadLetterResult,
} from '@tallyfleet/features'
import { JOB_STATES, systemClock, type JobRule, type JobView } from '@tallyfleet/ports'
import { openDurable, type Environment } from '../context.ts'
import { EXIT, table, type CommandResult } from '../output.ts'
import { openAdmin } from './operate.ts'

/** Jobs of one state, of one queue or of all. */
export async function listJobs(
  env: Environment, { queue, state, limit }: { queue?: string; state: string; limit: number },
): Promise<CommandResult> {
  const wanted = JOB_STATES.find((known) => known === state)
  if (!wanted) throw new AppError('USAGE_INVALID', `no state ${JSON.stringify(state)}; there are ${JOB_STATES.join(', ')}`)
  await using admin = await openAdmin(env)
  const names = queue === undefined ? (await admin.listQueues()).map((status) => status.queue) : [queue]
  const jobs = (await Promise.all(names.map((name) => admin.listJobs(name, wanted, limit)))).flat().slice(0, limit)
  return { data: jobs, text: jobsTable(jobs) }
}

export async function showJob(env: Environment, queue: string, id: string): Promise<CommandResult> {
  await using admin = await openAdmin(env)
  const job = await admin.getJob(queue, id)
  const shown = Object.entries(job).filter(([, value]) => value !== undefined)
  const text = (value: unknown) => value instanceof Date ? value.toISOString() : typeof value === 'object' ? JSON.stringify(value) : String(value)
  return { data: job, text: shown.map(([name, value]) => `${name.padEnd(10)}${text(value)}`).join('\n') }
}

/** Cancels a job, wherever it is, and notes it in the audit log. */
export async function cancelJob(env: Environment, queue: string, id: string): Promise<CommandResult> {
  await using stores = await openDurable(env)
  await using admin = await openAdmin(env)
  const outcome = await admin.cancelJob(queue, id)
  await appendAudit({ actor: 'cli', action: 'job.cancel', target: `${queue}/${id}`, detail: { outcome }, outcome: 'ok' }, { ...stores, clock: systemClock })
  return {
    data: { queue, id, outcome },
    text: outcome === 'removed' ? `${id} is taken out of ${queue}` : `${id} runs: its worker ends it within 2 s`,
  }
}

export async function listJobRules(env: Environment): Promise<CommandResult> {
  await using admin = await openAdmin(env)
  return rulesResult(await admin.listRules())
}

/** Pauses every job of a name, or lets them go on. */
export async function pauseJob(env: Environment, job: string, paused: boolean): Promise<CommandResult> {
  return await changeRules(env, paused ? 'job.pause' : 'job.resume', (rules) => [{ ...rules.get(job) ?? { job }, paused }])
}

/** Gives a share of a job to the workers of a release, or, `done`, every job to every worker again. */
export async function rollOutJob(
  env: Environment, job: string, { release, share, done }: { release?: string; share?: number; done: boolean },
): Promise<CommandResult> {
  if (done ? release !== undefined || share !== undefined : release === undefined || share === undefined) {
    throw new AppError('USAGE_INVALID', 'say --release and --share, or --done')
  }
  const rollout = done ? undefined : { release: release!, share: share! }
  return await changeRules(env, 'job.rollout', (rules) => {
    const { rollout: _, ...rule } = rules.get(job) ?? { job, paused: false }
    return [{ ...rule, ...(rollout && { rollout }) }]
  })
}

/** Takes every job, or one, from the release that it was being rolled out to. */
export async function rollBackJob(env: Environment, job: string | undefined): Promise<CommandResult> {
  return await changeRules(env, 'job.rollback', (rules) => {
    const found = [...rules.values()].filter((rule) => rule.rollout && (job === undefined || rule.job === job))
    if (found.length === 0) throw new AppError('RECORD_UNKNOWN', job === undefined ? 'nothing is rolled out' : `${job} is not rolled out`)
    return found.map((rule) => ({ ...rule, rollout: { ...rule.rollout!, share: 0 } }))
  })
}

async function changeRules(
  env: Environment, action: string, change: (rules: ReadonlyMap<string, JobRule>) => JobRule[],
): Promise<CommandResult> {
  await using stores = await openDurable(env)
  await using admin = await openAdmin(env)
  const rules = change(new Map((await admin.listRules()).map((rule) => [rule.job, rule])))
  for (const rule of rules) {
    await admin.putRule(rule)
    await appendAudit({ actor: 'cli', action, target: rule.job, detail: { paused: rule.paused, ...rule.rollout }, outcome: 'ok' }, { ...stores, clock: systemClock })
  }
  return rulesResult(await admin.listRules())
}

function rulesResult(rules: readonly JobRule[]): CommandResult {
  const rows = rules.map(({ job, paused, rollout }) =>
    [job, paused ? 'paused' : 'running', rollout ? `${rollout.share} % to ${rollout.release}` : 'every release'])
  return { data: rules, text: rows.length === 0 ? 'every worker runs every job' : table(['job', 'state', 'rollout'], rows) }
}

type Choice = { queue?: string; job?: string; reason?: string; id?: string; limit?: number }

export async function listDead(env: Environment, choice: Choice): Promise<CommandResult> {
  await using admin = await openAdmin(env)
  const jobs = await listDeadLetters(wholeOf(choice, 100), { queues: admin })
  return { data: jobs, text: jobsTable(jobs) }
}

/** One dead letter in full, or an error when the job is none. */
export async function showDead(env: Environment, queue: string, id: string): Promise<CommandResult> {
  const result = await showJob(env, queue, id)
  if ((result.data as JobView).state !== 'failed') throw new AppError('RECORD_UNKNOWN', `${id} is no dead letter of ${queue}`)
  return result
}

/** Writes dead letters as NDJSON, one a line, to a file or to standard output. */
export async function exportDead(env: Environment, file: string, choice: Choice): Promise<CommandResult> {
  await using admin = await openAdmin(env)
  const jobs = await listDeadLetters(wholeOf(choice, MAX_DEAD_LETTERS), { queues: admin })
  const lines = jobs.map((job) => JSON.stringify(job))
  if (file === '-') return { data: jobs, text: lines.join('\n') }
  await writeFile(file, '')
  for (const line of lines) await appendFile(file, `${line}\n`)
  return { data: { file, jobs: jobs.length }, text: `${jobs.length} dead letters in ${file}` }
}

export async function redriveDead(
  env: Environment, choice: Choice & { rate?: number; dryRun: boolean; force: boolean },
): Promise<CommandResult> {
  await using stores = await openDurable(env)
  await using admin = await openAdmin(env)
  const { rate, dryRun, force, ...filter } = choice
  if (rate === 0) throw new AppError('USAGE_INVALID', '--rate must be above 0')
  const result = await redriveDeadLetters({ ...wholeOf(filter, MAX_DEAD_LETTERS), dryRun, force, ratePerSecond: rate }, { queues: admin })
  if (!dryRun) {
    await appendAudit({ actor: 'cli', action: 'dlq.redrive', target: filter.queue ?? 'all', detail: { ...filter, force, rate, ...result.counts }, outcome: 'ok' }, { ...stores, clock: systemClock })
  }
  const { capped } = result.counts
  return {
    ...resultOf(result, 'put back to waiting'), exit: capped > 0 ? EXIT.partly : EXIT.ok,
    warnings: capped > 0 ? [`${capped} were redriven ${MAX_REDRIVES} times already: look at them, then say --force`] : [],
  }
}

export async function purgeDead(env: Environment, choice: Choice & { dryRun: boolean; yes: boolean }): Promise<CommandResult> {
  const { dryRun, yes, ...filter } = choice
  if (!yes && !dryRun) throw new AppError('USAGE_INVALID', 'purge deletes dead letters for good: say --yes, or --dry-run to see which')
  await using stores = await openDurable(env)
  await using admin = await openAdmin(env)
  const result = await purgeDeadLetters({ ...wholeOf(filter, MAX_DEAD_LETTERS), dryRun }, { queues: admin })
  if (!dryRun) {
    await appendAudit({ actor: 'cli', action: 'dlq.purge', target: filter.queue ?? 'all', detail: { ...filter, ...result.counts }, outcome: 'ok' }, { ...stores, clock: systemClock })
  }
  return resultOf(result, 'deleted')
}

function wholeOf({ limit, ...choice }: Choice, most: number): DeadLetterChoice {
  return { ...choice, limit: limit ?? most }
}

function resultOf<Outcome extends string>(result: DeadLetterResult<Outcome>, done: string): CommandResult {
  const counts = Object.entries(result.counts).map(([outcome, count]) => `${String(count)} ${outcome}`).join(', ')
  const rows = result.jobs.map(({ queue, job, id, outcome, reason }) => [queue, job, id, outcome, shortOf(reason)])
  return {
    data: result,
    text: [table(['queue', 'job', 'id', 'outcome', 'reason'], rows), '', result.dryRun ? `would be ${done}: ${counts}` : `${done}: ${counts}`].join('\n'),
  }
}

function jobsTable(jobs: readonly JobView[]): string {
  return table(['queue', 'job', 'id', 'state', 'starts', 'crashes', 'redrives', 'host', 'reason'], jobs.map((job) =>
    [job.queue, job.job, job.id, job.state, job.starts, job.crashes, job.redrives, job.host ?? '', shortOf(job.reason)]))
}

function shortOf(reason = ''): string {
  const line = reason.split('\n', 1)[0]!
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}
