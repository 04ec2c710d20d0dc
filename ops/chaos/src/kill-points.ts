/** What a 202 promises, weakest first: a fault names the weakest that survives it. */
export const DURABILITIES = ['everysec', 'fsync', 'replica', 'log-first'] as const
export type Durability = (typeof DURABILITIES)[number]

/** `half`: of several documents, events or shards the first half is written, then the process dies. */
export type When = 'before' | 'half' | 'after'

/** The part of the protocol that a point stands in. */
export type Step = 'ingest' | 'freeze' | 'flush' | 'finish' | 'catalog' | 'segments' | 'repair' | 'import' | 'tick' | 'ledger'

/**
 * A place in the protocol where a process can be made to kill itself: a method of a port, and when. Methods of the
 * journal are told apart by the kind of record: `journal.put[import]`.
 */
export type KillPoint = { name: string; step: Step; weakest: Durability }

const METHODS: readonly [Step, string, readonly When[]][] = [
  ['ingest', 'hot.ingest', ['before', 'half', 'after']],
  ['freeze', 'journal.claim[epoch]', ['before', 'after']],
  ['freeze', 'hot.freeze', ['before', 'half', 'after']],
  ['freeze', 'hot.settle', ['after']],
  ['flush', 'hot.findBatch', ['after']],
  ['flush', 'rollups.appendManifest', ['before', 'after']],
  ['flush', 'rollups.apply', ['before', 'half', 'after']],
  ['flush', 'rollups.finishManifest', ['before', 'after']],
  ['finish', 'hot.finish', ['before', 'after']],
  ['finish', 'journal.put[flush]', ['before', 'after']],
  ['catalog', 'catalog.putTotals', ['before', 'half', 'after']],
  ['catalog', 'catalog.putMarks', ['before', 'after']],
  ['segments', 'segments.putDocuments', ['before', 'half', 'after']],
  ['segments', 'segments.putMarks', ['before', 'after']],
  ['repair', 'hot.openRepair', ['before', 'after']],
  ['import', 'journal.put[import]', ['before', 'after']],
  ['import', 'hot.expireClaims', ['before', 'after']],
  ['tick', 'journal.claim[tick]', ['before', 'after']],
  ['tick', 'queue.enqueue', ['before', 'after']],
  ['tick', 'journal.swap[tick]', ['before', 'after']],
  ['tick', 'journal.swap[schedule]', ['before', 'after']],
  ['ledger', 'hot.deleteMinutes', ['before', 'after']],
]

export function isWeaker(mode: Durability, than: Durability): boolean {
  return DURABILITIES.indexOf(mode) < DURABILITIES.indexOf(than)
}

/** Every point survives in the weakest mode: the process that dies is ours, and Redis and the databases go on. */
export const KILL_POINTS: readonly KillPoint[] = METHODS.flatMap(([step, method, whens]) =>
  whens.map((when): KillPoint => ({ name: `${method}:${when}`, step, weakest: 'everysec' })))

/** A program of the fleet, by its folder in `apps`. */
export type RoleName = 'api' | 'scheduler' | 'workers'

const STEPS: Record<Exclude<Step, 'import' | 'repair'>, RoleName> = {
  ingest: 'api', freeze: 'workers', flush: 'workers', finish: 'workers', catalog: 'workers', segments: 'workers', ledger: 'workers',
  tick: 'scheduler',
}

/** The kill points that the roles of a fleet come by, and who does. */
export const FLEET_POINTS: ReadonlyMap<string, RoleName> = new Map(KILL_POINTS.flatMap(({ name, step }) =>
  (step === 'import' || step === 'repair' || name.startsWith('queue.') ? [] : [[name, STEPS[step]] as const])))
