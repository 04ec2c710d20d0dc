import { setTimeout as sleep } from 'node:timers/promises'
import { toAppError } from '@tallyfleet/domain'
import type { QueueStatus } from '@tallyfleet/ports'
import { Router } from 'express'
import type { ApiNeeds } from '../needs.ts'

type Check = { state: 'ok' | 'failed'; reason?: string; [fact: string]: unknown }

const TIMEOUT_MS = 3_000
/** A probe of many load balancers must not become a load. */
const KEPT_MS = 1_000
/** A look at every queue is many commands, and what it looks for takes half a minute. */
const QUEUES_KEPT_MS = 5_000

/** Checks of what others do: an API goes on counting while no worker takes its batches. */
const NOT_FOR_TRAFFIC: ReadonlySet<string> = new Set(['workers'])

/**
 * `/livez`: the process answers. `/readyz`: so does every store that the API needs, no shard stopped, and workers take
 * what is ready; 503 names what fails. `/readyz?for=traffic`, for load balancers: whether this API should get requests,
 * whatever workers do.
 */
export function healthPages(needs: ApiNeeds): Router {
  const router = Router()
  const listQueues = keptFor(QUEUES_KEPT_MS, () => needs.queues.listQueues())
  const check = keptFor(KEPT_MS, () => checkAll(needs, listQueues))
  router.get('/livez', (_request, response) => { response.json({ status: 'ok' }) })
  router.get('/readyz', async (request, response) => {
    const checks = await check()
    const isForTraffic = request.query['for'] === 'traffic'
    const failing = Object.keys(checks)
      .filter((name) => checks[name]!.state === 'failed' && !(isForTraffic && NOT_FOR_TRAFFIC.has(name)))
    response.setHeader('cache-control', 'no-store')
    response.status(failing.length === 0 ? 200 : 503).json({
      status: failing.length === 0 ? 'ok' : 'failed', failing, checks,
    })
  })
  return router
}

/** The answer to a question, asked again when it is older than `ms`. */
function keptFor<Answer>(ms: number, ask: () => Promise<Answer>): () => Promise<Answer> {
  let kept: { answer: Promise<Answer>; until: number } | undefined
  return () => {
    const now = performance.now()
    if (!kept || kept.until < now) kept = { answer: ask(), until: now + ms }
    return kept.answer
  }
}

async function checkAll(
  { hot, journal, accounts }: ApiNeeds, listQueues: () => Promise<QueueStatus[]>,
): Promise<Record<string, Check>> {
  const checks: Record<string, () => Promise<Omit<Check, 'state'>>> = {
    hot: async () => {
      const { version, maxmemoryPolicy, refusal } = await hot.serverStatus()
      if (!['noeviction', 'unknown'].includes(maxmemoryPolicy)) {
        throw new Error(`maxmemory-policy is ${maxmemoryPolicy}: only noeviction keeps counts`)
      }
      if (refusal) throw new Error(refusal)
      return { version, maxmemoryPolicy }
    },
    shards: async () => {
      const stopped = (await hot.listShards()).filter((shard) => shard.stopped !== undefined)
      const [first] = stopped
      if (first) throw new Error(`${stopped.length} stopped; shard ${first.shard}: ${first.stopped}`)
      return {}
    },
    rollups: async () => { await journal.find('readiness', 'probe'); return {} },
    catalog: async () => { await accounts.findTenant('default'); return {} },
    workers: async () => {
      const stuck = (await listQueues()).filter((queue) => queue.stuck)
      const [first] = stuck
      if (first) {
        const seconds = Math.round(first.oldestReadySeconds ?? 0)
        throw new Error(seconds > 0
          ? `${first.queue}: work has been ready for ${seconds} s, and nobody takes it`
          : `${first.queue}: the worker that holds a job fell silent, and there is no other`)
      }
      return {}
    },
  }
  const results = await Promise.all(Object.entries(checks).map(async ([name, run]) => [name, await outcomeOf(run)] as const))
  return Object.fromEntries(results)
}

async function outcomeOf(run: () => Promise<Omit<Check, 'state'>>): Promise<Check> {
  const timer = new AbortController()
  const late = sleep(TIMEOUT_MS, undefined, { signal: timer.signal })
    .then(() => { throw new Error(`no answer within ${TIMEOUT_MS} ms`) })
  late.catch(() => {}) // The race is over when the timer is aborted.
  try {
    return { state: 'ok', ...await Promise.race([run(), late]) }
  } catch (error) {
    return { state: 'failed', reason: reasonOf(error) }
  } finally {
    timer.abort()
  }
}

function reasonOf(error: unknown): string {
  // A driver's message may name hosts and accounts; our own codes do not.
  const { code, message } = toAppError(error)
  return code === 'BUG' ? message : code
}
