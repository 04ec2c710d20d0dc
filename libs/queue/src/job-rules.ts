import { hash } from 'node:crypto'
import { AppError } from '@tallyfleet/domain'
import type { JobRule, Log } from '@tallyfleet/ports'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'
import { ChangeWatch } from './watch-changes.ts'

/** A hash, `job` → its rule as JSON, and a number that grows with each change. */
function keysOf(prefix: string): { rules: string; changes: string } {
  return { rules: `${prefix}/job-rules`, changes: `${prefix}/job-rules-changes` }
}

/** Every job that operators told something of, by name. */
export async function listRules(connection: Connection, prefix: string): Promise<JobRule[]> {
  const told = await (connection as Redis).hgetall(keysOf(prefix).rules)
  return Object.entries(told)
    .map(([job, rule]) => ({ job, ...JSON.parse(rule) as Omit<JobRule, 'job'> }))
    .sort((a, b) => a.job < b.job ? -1 : 1)
}

/** Replaces the rule of a job; one that says nothing is forgotten. Workers follow within half a second. */
export async function putRule(connection: Connection, prefix: string, { job, ...rule }: JobRule): Promise<void> {
  const { rules, changes } = keysOf(prefix)
  const multi = connection.multi()
  if (rule.paused || rule.rollout) multi.hset(rules, job, JSON.stringify(rule))
  else multi.hdel(rules, job)
  await multi.incr(changes).exec()
}

/** What a worker process knows of the rules. */
export class JobRules implements Disposable {
  readonly #connection: Connection
  readonly #prefix: string
  readonly #release: string
  readonly #watch: ChangeWatch
  #rules: ReadonlyMap<string, JobRule> = new Map()

  /** @param release what rollouts call the code of this process */
  constructor({ connection, prefix, release, log }: { connection: Connection; prefix: string; release: string; log: Log }) {
    this.#connection = connection
    this.#prefix = prefix
    this.#release = release
    this.#watch = new ChangeWatch({ connection, key: keysOf(prefix).changes, log, read: () => this.#read() })
  }

  /**
   * Whether this process may run the job now.
   * @throws AppError `JOB_PAUSED` while its kind is paused, `JOB_ELSEWHERE` when a rollout gives it to another release
   */
  check(job: string, id: string): void {
    if (this.#rules.size === 0) return
    const rule = this.#rules.get(job)
    if (rule?.paused) throw new AppError('JOB_PAUSED', `${job} is paused`)
    if (!rule?.rollout) return
    const { release, share } = rule.rollout
    if ((release === this.#release) !== (percentileOf(id) < share)) {
      throw new AppError('JOB_ELSEWHERE', `the rollout of ${release} gives this ${job} to another release than ${this.#release}`)
    }
  }

  async look(): Promise<void> {
    await this.#watch.look()
  }

  async #read(): Promise<void> {
    this.#rules = new Map((await listRules(this.#connection, this.#prefix)).map((rule) => [rule.job, rule]))
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }
}

/** 0 to 99, evenly, and the same for all processes: a retry stays with the release that had the first try. */
function percentileOf(id: string): number {
  return parseInt(hash('sha256', id, 'hex').slice(0, 12), 16) % 100
}
