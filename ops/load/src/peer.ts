import { spawn } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { checkOf, figureOf, interleave, type Bench, type BenchOptions, type Measures, type Outcome } from './harness.ts'
import { sendAll } from './peer-load.ts'
import { OurCounter } from './peer-ours.ts'
import { peers, viewAt, type PageCounter } from './peer-systems.ts'
import { expectCount, Workplace } from './workplace.ts'

/** Of the whole comparison, and the most of one run. */
const MOST_VIEWS = 200_000
const FEWEST_VIEWS = 1_000
const STEP = 500
const PILOT_VIEWS = 1_000
const CONNECTIONS = { single: 32, batch: 4 }
const POLL_MS = 50
const VISIBLE_TIMEOUT_MS = 120_000
/** Longer than a peer keeps views in memory while it lives. */
const SETTLE_MS = 15_000

type Kind = 'single' | 'batch'

/**
 * The same page views into ours and into a peer that already runs, in turn: one a request, and in batches, until each
 * shows all of them in its reports. Then every process of ours is killed with -9 in the middle of a load, and the
 * peer's too where `pid` allows it; what had been acknowledged must be there afterwards.
 */
export const peer: Bench = async (options) => {
  const { peer } = options
  const known = peer && Object.hasOwn(peers, peer.kind) ? peers[peer.kind] : undefined
  if (!known) throw new AppError('USAGE_INVALID', `a peer needs --url of one that runs, and --kind ${Object.keys(peers).join(' or ')}`)
  await using workplace = new Workplace()
  const theirs = await known.open(peer!)
  const ours = await OurCounter.open(workplace)
  const load = new Load()
  const outcome: Outcome = { arms: [], checks: [], part: peer!.kind }
  for (const kind of ['single', 'batch'] as const) {
    for (const system of [ours, theirs]) await load.run(system, kind, PILOT_VIEWS)
    const views = sizeOf(await load.run(theirs, kind, PILOT_VIEWS), options)
    const runs = await interleave({ ours: () => load.run(ours, kind, views), bare: () => load.run(theirs, kind, views) }, options, `${kind}, ${views} views`)
    for (const [arm, { name }] of [['ours', ours], ['bare', theirs]] as const) {
      outcome.arms.push(figureOf(`${name}, ${kind}, ${views} views`, runs[arm], 'accepted', 'views/s acknowledged'),
        figureOf(`${name}, ${kind}, ${views} views`, runs[arm], 'visible', 'views/s until visible'))
    }
    outcome.checks.push(checkOf(`${kind}, acknowledged, ours / ${theirs.name}`, runs, 'accepted', known.goals[kind], 'higher'))
    if (kind === 'batch') outcome.checks.push(checkOf(`batch, until visible, ours / ${theirs.name}`, runs, 'visible', known.goals.visible, 'higher'))
  }
  await killed(load, ours, theirs, options, outcome)
  return outcome
}

/** What the peer does in the time of a run; a batch is not split. */
function sizeOf({ accepted }: Measures, { seconds, full }: BenchOptions): number {
  return full ? MOST_VIEWS : Math.min(MOST_VIEWS, Math.max(FEWEST_VIEWS, Math.round(accepted! * seconds / STEP) * STEP))
}

/** The views in their order, for each system anew. */
class Load {
  readonly #next = new Map<PageCounter, number>()

  requests(system: PageCounter, kind: Kind, views: number): Buffer[] {
    const first = this.#next.get(system) ?? 0
    this.#next.set(system, first + views)
    const size = kind === 'single' ? 1 : system.batchSize
    return Array.from({ length: Math.ceil(views / size) }, (_, at) => {
      const page = Array.from({ length: Math.min(size, views - at * size) }, (_, offset) => viewAt(first + at * size + offset))
      return kind === 'single' ? system.single(page[0]!) : system.batch(page)
    })
  }

  /** Sends views and waits until the reports show every one of them. */
  async run(system: PageCounter, kind: Kind, views: number): Promise<Measures> {
    const before = await system.countViews()
    const requests = this.requests(system, kind, views)
    const startedAt = performance.now()
    const { seconds } = await sendAll(system.url, requests, CONNECTIONS[kind])
    expectCount(`${system.name}: new views in its reports`, await shown(system, before + views) - before, views)
    return { accepted: views / seconds, visible: views / (performance.now() - startedAt) * 1_000 }
  }
}

/** Waits until the reports show so many views; answers what they show, or showed at last. */
async function shown(system: PageCounter, views: number, timeoutMs = VISIBLE_TIMEOUT_MS): Promise<number> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const count = await system.countViews()
    if (count >= views || performance.now() > deadline) return count
    await sleep(POLL_MS)
  }
}

async function killed(load: Load, ours: OurCounter, theirs: PageCounter, { peer, say }: BenchOptions, outcome: Outcome): Promise<void> {
  const views = MOST_VIEWS / 4
  const strike = async (system: PageCounter, kill: () => Promise<void>) => {
    const before = await system.countViews()
    const requests = load.requests(system, 'batch', views)
    let kills: Promise<void> | undefined
    const { acknowledged } = await sendAll(system.url, requests, CONNECTIONS.batch, {
      untilGone: true, onAnswer: (answers) => { if (answers === Math.floor(requests.length / 2)) kills = kill() },
    })
    await kills
    return { before, requests, acknowledged, views: acknowledged.filter(Boolean).length * system.batchSize }
  }
  {
    const { before, requests, acknowledged } = await strike(ours, () => ours.kill())
    await ours.start()
    // The client repeats what was not acknowledged, with the same ids, where ours listens now.
    const { url } = ours
    const again = requests.filter((_, at) => !acknowledged[at])
    await sendAll(url, again, CONNECTIONS.batch)
    const count = await shown(ours, before + views) - before
    await sleep(POLL_MS)
    const doubled = Math.max(0, await ours.countViews() - before - views)
    say(`ours, killed: ${views - count} lost, ${doubled} doubled of ${views}; ${again.length} requests were repeated`)
    outcome.checks.push({ name: 'acknowledged and lost when ours was killed', ratio: Math.max(0, views - count), goal: 0, better: 'lower' },
      { name: 'doubled when ours was killed', ratio: doubled, goal: 0, better: 'lower' })
  }
  if (peer?.pid === undefined) return
  const { pid } = peer
  const again = startedAs(pid)
  const struck = await strike(theirs, async () => { process.kill(pid, 'SIGKILL') })
  startAgain(again)
  await sleep(SETTLE_MS)
  const lost = Math.max(0, struck.views - (await shown(theirs, struck.before + struck.views, SETTLE_MS) - struck.before))
  say(`${theirs.name}, killed: ${lost} lost of ${struck.views} acknowledged`)
  outcome.arms.push({ name: `${theirs.name}, killed`, median: lost, spread: 0, unit: `views lost of ${struck.views} acknowledged` })
}

type Started = { command: string[]; folder: string; env: Record<string, string> }

/** How a process was started; Linux tells. */
function startedAs(pid: number): Started {
  const listOf = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0').filter((text) => text !== '')
  const env = listOf('environ').map((text): [string, string] => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])
  return { command: listOf('cmdline'), folder: readlinkSync(`/proc/${pid}/cwd`), env: Object.fromEntries(env) }
}

function startAgain({ command: [program, ...args], folder, env }: Started): void {
  spawn(program!, args, { cwd: folder, env, detached: true, stdio: 'ignore' }).unref()
}
