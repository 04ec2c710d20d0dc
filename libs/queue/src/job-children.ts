import { AppError } from '@tallyfleet/domain'
import type { ChildOutcomes, JobDefinition } from '@tallyfleet/ports'
import type { Job, Queue } from 'bullmq'
import { cancelChildren, parseJobKey, type JobPlace } from './cancel-job.ts'

const PAGE = 100

/**
 * What the children of a job left.
 * @param enqueued how many there were: those that were taken out since leave no trace
 * @throws AppError `JOB_CHILD_FAILED` when one did not succeed and the policy is `fail`
 */
export async function readChildren(job: Job, definition: JobDefinition<any>, enqueued: number): Promise<ChildOutcomes> {
  const [values, reasons] = await Promise.all([job.getChildrenValues<unknown>(), job.getIgnoredChildrenFailures()])
  const results = Object.entries(values).map(([key, result]) => ({ ...parseJobKey(key), result }))
  const failures = Object.entries(reasons).map(([key, reason]) => ({ ...parseJobKey(key), reason }))
  const removed = enqueued - results.length - failures.length
  if (definition.children?.onFailure === 'fail' && failures.length + removed > 0) {
    const first = failures[0]?.reason ?? 'taken out before it ran'
    const missed = `${failures.length + removed} of ${enqueued} jobs that ${job.name} waited for`
    throw new AppError('JOB_CHILD_FAILED', `${missed} did not succeed: ${first}`)
  }
  return { results, failures, removed }
}

/**
 * Cancels what is not to be waited for any longer: the children past their parent's deadline, and the siblings of one
 * that failed where that fails the parent. The parent starts once the last of them has ended.
 * @param now ms, by the clock that gave the jobs their times
 */
export async function cutShort(
  queue: Queue, jobs: (name: string) => JobDefinition<any> | undefined, place: JobPlace, now: number,
): Promise<void> {
  for (let at = 0; ; at += PAGE) {
    const parents = await queue.getJobs(['waiting-children'], at, at + PAGE - 1)
    for (const parent of parents) {
      const policy = parent && jobs(parent.name)?.children
      if (!policy) continue // of another release
      if (now - parent.timestamp > policy.deadlineMs || (policy.onFailure === 'fail' && await hasFailedChild(parent))) {
        await cancelChildren(parent, place)
      }
    }
    if (parents.length < PAGE) return
  }
}

async function hasFailedChild(parent: Job): Promise<boolean> {
  const { ignored = 0 } = await parent.getDependenciesCount({ ignored: true })
  return ignored > 0
}
