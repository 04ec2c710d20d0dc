import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import type { DeadLetterFilter, JobView, QueueAdmin } from '@tallyfleet/ports'

/** A job that died after this many redrives needs somebody to look at it: only `force` redrives it again. */
export const MAX_REDRIVES = 3
/** At most so many dead letters at once. */
export const MAX_DEAD_LETTERS = 10_000

/** Which dead letters; all of them without a filter. `id` needs `queue`. */
export type DeadLetterChoice = DeadLetterFilter & { queue?: string | undefined; id?: string | undefined; limit: number }

/** What became of each dead letter. `gone`: somebody else was faster. `capped`: redriven too often already. */
export type DeadLetterResult<Outcome extends string> = {
  dryRun: boolean
  counts: Record<Outcome, number>
  jobs: { queue: string; job: string; id: string; reason: string | undefined; outcome: Outcome }[]
}

type Needs = { queues: QueueAdmin }

/** Dead letters of one queue or of all, the newest first within each. */
export async function listDeadLetters(
  { queue, id, limit, ...filter }: DeadLetterChoice, { queues }: Needs,
): Promise<JobView[]> {
  if (limit > MAX_DEAD_LETTERS) throw new AppError('USAGE_INVALID', `at most ${MAX_DEAD_LETTERS} dead letters at once`)
  if (id !== undefined) {
    if (queue === undefined) throw new AppError('USAGE_INVALID', 'an id needs its queue')
    const job = await queues.getJob(queue, id)
    return job.state === 'failed' ? [job] : []
  }
  const names = queue === undefined ? (await queues.listQueues()).map((status) => status.queue) : [queue]
  const found: JobView[] = []
  for (const name of names) {
    if (found.length < limit) found.push(...await queues.listDead(name, filter, limit - found.length))
  }
  return found
}

/**
 * Puts dead letters back to waiting, the oldest first, with all their tries. Those that were redriven
 * {@link MAX_REDRIVES} times stay, unless forced: a job that always dies would go round for ever.
 * @param ratePerSecond at most so many a second, evenly; absent: as fast as Redis takes them
 */
export async function redriveDeadLetters(
  { dryRun = false, force = false, ratePerSecond, ...choice }: DeadLetterChoice
    & { dryRun?: boolean; force?: boolean; ratePerSecond?: number | undefined },
  needs: Needs,
): Promise<DeadLetterResult<'redriven' | 'capped' | 'gone'>> {
  const result = { dryRun, counts: { redriven: 0, capped: 0, gone: 0 }, jobs: [] } as DeadLetterResult<'redriven' | 'capped' | 'gone'>
  const startedAt = performance.now()
  for (const { queue, job, id, reason, redrives } of (await listDeadLetters(choice, needs)).reverse()) {
    const capped = redrives >= MAX_REDRIVES && !force
    if (!capped && !dryRun && ratePerSecond !== undefined) {
      const dueAt = startedAt + (result.counts.redriven + result.counts.gone) * 1_000 / ratePerSecond
      await sleep(Math.max(0, dueAt - performance.now()))
    }
    const outcome = capped ? 'capped' : dryRun || await needs.queues.redriveDead(queue, id) ? 'redriven' : 'gone'
    result.counts[outcome] += 1
    result.jobs.push({ queue, job, id, reason, outcome })
  }
  return result
}

/** Deletes dead letters for good. */
export async function purgeDeadLetters(
  { dryRun = false, ...choice }: DeadLetterChoice & { dryRun?: boolean }, needs: Needs,
): Promise<DeadLetterResult<'purged' | 'gone'>> {
  const result = { dryRun, counts: { purged: 0, gone: 0 }, jobs: [] } as DeadLetterResult<'purged' | 'gone'>
  for (const { queue, job, id, reason } of await listDeadLetters(choice, needs)) {
    const outcome = dryRun || await needs.queues.deleteDead(queue, id) ? 'purged' : 'gone'
    result.counts[outcome] += 1
    result.jobs.push({ queue, job, id, reason, outcome })
  }
  return result
}
