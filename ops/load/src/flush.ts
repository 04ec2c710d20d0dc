import { join } from 'node:path'
import { groupDeltas, type Delta, type DocumentDelta } from '@tallyfleet/domain'
import { SHARD, targets, type Target } from './flush-targets.ts'
import { checkOf, figureOf, interleave, type Bench, type BenchOptions, type Outcome } from './harness.ts'
import { expectCount, Workplace } from './workplace.ts'

/** Entities of a batch; half of them were in the batch before: a flush meets old documents and new ones. */
const ENTITIES = 180
const VIEWS = 3
const EVENTS_A_BATCH = ENTITIES * (VIEWS + 1)
const GOAL = 0.9

/**
 * What the fence, the manifest's state and our own code cost a flush: `RollupStore.apply` against the driver alone,
 * which does the same writes into a store with the same indexes. Manifests are written outside the clock.
 */
export const flush: Bench = async (options) => {
  await using workplace = new Workplace()
  const outcome: Outcome = { arms: [], checks: [] }
  for (const [engine, { open, openBare }] of Object.entries(targets)) {
    const urlOf = engine === 'MongoDB' ? databasesAt(await workplace.startServer('mongo')) : (name: string) => join(workplace.folder, name)
    await using ours = await open(urlOf('ours'))
    await using bare = await openBare(urlOf('bare'))
    await compare(engine, ours, bare, options, outcome)
  }
  return outcome
}

async function compare(engine: string, ours: Target, bare: Target, options: BenchOptions, outcome: Outcome): Promise<void> {
  /** The last batch of each. */
  const last = new Map<Target, number>([[ours, 0], [bare, 0]])
  const run = async (target: Target, batches: number) => {
    let seconds = 0
    let documents = 0
    for (let at = 0; at < batches; at++) {
      const n = last.get(target)! + 1
      last.set(target, n)
      const batch = documentsOf(n)
      await target.prepare(n)
      const startedAt = performance.now()
      await target.apply(n, batch)
      seconds += (performance.now() - startedAt) / 1_000
      documents += batch.length
    }
    return { rate: documents / seconds, seconds }
  }
  await run(ours, 3)
  const { seconds } = await run(bare, 3)
  const batches = Math.max(3, Math.round(options.seconds / (seconds / 3)))
  const runs = await interleave({ ours: () => run(ours, batches), bare: () => run(bare, batches) }, options, engine)
  for (const target of [ours, bare]) {
    expectCount(`${engine}: events in the totals`, await target.countEvents(), last.get(target)! * EVENTS_A_BATCH)
  }
  outcome.arms.push(figureOf(`${engine}, ours`, runs.ours, 'rate', 'documents/s'), figureOf(`${engine}, driver`, runs.bare, 'rate', 'documents/s'))
  outcome.checks.push(checkOf(`flush to ${engine}`, runs, 'rate', GOAL, 'higher'))
}

function databasesAt(url: string): (name: string) => string {
  return (name) => Object.assign(new URL(url), { pathname: `/${name}` }).href
}

/** The documents of batch n: of entities as if of one shard, on one day, `view` and `download`. */
function documentsOf(n: number): DocumentDelta[] {
  const first = (n - 1) * ENTITIES / 2
  const deltas = Array.from({ length: ENTITIES }, (_, at): Delta[] => {
    const of = { tenant: 'default', domain: 'jav', entityType: 'movie', entityId: `m-${first + at}`, measure: 'count', bucket: '2026-11-21' }
    return [{ ...of, action: 'view', value: VIEWS }, { ...of, action: 'download', value: 1 }]
  })
  return groupDeltas('a secret for measuring', SHARD, deltas.flat(), () => 'day')
}
