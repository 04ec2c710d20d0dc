import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseServers } from './database-servers.ts'
import type { SelfFault } from './faults.ts'
import { isWeaker, type Durability } from './kill-points.ts'
import type { RedisPair } from './redis-pair.ts'
import { syncLibrary } from './sync-watch.ts'

/** A process that a fault is about. */
export type Victim = {
  signal(name: NodeJS.Signals): void
  suffer(told: SelfFault): void
  /** True when it ended within `timeoutMs`. */
  ends(timeoutMs: number): Promise<boolean>
}

/** What a fault can reach. */
export type Scene = {
  redis: RedisPair
  durability: Durability
  victim: Victim
  servers: DatabaseServers | undefined
}

export type Nemesis<In extends Scene = Scene> = {
  name: string
  /** The weakest mode that loses nothing to it. */
  weakest: Durability
  /** A mode above `weakest` that may lose to it all the same: it holds more copies, and this one comes back with less. */
  except?: Durability
  /** Where it makes sense; absent: everywhere. */
  stores?: 'embedded' | 'servers'
  /** It ends a process by SIGKILL. */
  kills: boolean
  /** Played in this mode alone: every other one loses more than it can name. */
  durability?: Durability
  /**
   * It takes the newest of what Redis wrote, so in its round a freeze waits for the disk: `own` as the product does by
   * itself, `fixed` for three seconds (FREEZE_SETTLE_MS), because it takes by age what may well be synced.
   */
  power?: 'own' | 'fixed'
  /** It is about a server that all processes share: one at a time. */
  shared?: true
  /** Whether this machine can play it; absent: yes. */
  playable?: () => boolean
  what: string
  strike(scene: In, draw: number): Promise<void>
}

/**
 * What the mode `everysec` may lose of its newest: Redis asks for an fsync each second, and while one is under way it
 * keeps what comes to itself, for two seconds at most (flushAppendOnlyFile in its aof.c). So on a slow disk a killed
 * Redis loses acknowledged writes too, not only one that loses its power.
 */
export const UNSAFE_MS = 2_000
const CUT_MS = 1_500

/** Whether what was acknowledged just before may be gone. */
export function mayLose({ weakest, except }: Pick<Nemesis, 'weakest' | 'except'>, mode: Durability): boolean {
  return isWeaker(mode, weakest) || mode === except
}

/** Faults of single processes and of Redis. `draw` in [0, 1) is the schedule's own. */
export const NEMESES: readonly Nemesis[] = [
  {
    name: 'sigkill', weakest: 'everysec', kills: true, what: 'a counting process is killed at any moment',
    strike: async ({ victim }, draw) => {
      await sleep(draw * 150)
      victim.signal('SIGKILL')
      await victim.ends(5_000)
    },
  },
  {
    name: 'sigstop', weakest: 'everysec', kills: false, what: 'a process sleeps while others go on with its batch, then wakes up',
    strike: async ({ victim }, draw) => {
      victim.signal('SIGSTOP')
      await sleep(500 + draw * 1_500)
      victim.signal('SIGCONT')
    },
  },
  {
    name: 'event-loop-block', weakest: 'everysec', kills: false, what: 'the event loop of a process stands still',
    strike: async ({ victim }, draw) => {
      victim.suffer({ fault: 'block', ms: 500 + draw * 1_500 })
      await sleep(500)
    },
  },
  {
    name: 'clock-step', weakest: 'everysec', kills: false, what: 'the clock of a process jumps by up to two hours, and back',
    strike: async ({ victim }, draw) => {
      victim.suffer({ fault: 'clock', offsetMs: Math.round((draw - 0.5) * 4 * 3_600_000) })
      await sleep(700)
      victim.suffer({ fault: 'clock', offsetMs: 0 })
    },
  },
  {
    name: 'disk-full', weakest: 'everysec', stores: 'embedded', kills: false,
    what: 'no SQLite file may grow (max_page_count): every write that needs a page is refused as on a full disk',
    strike: async ({ victim }, draw) => {
      victim.suffer({ fault: 'disk', full: true })
      await sleep(300 + draw * 700)
      victim.suffer({ fault: 'disk', full: false })
    },
  },
  {
    name: 'redis-kill', weakest: 'fsync', except: 'replica', kills: true, shared: true, what: 'Redis is killed and started again on its append-only file',
    strike: async ({ redis }, draw) => {
      await redis.kill()
      await sleep(draw * 500)
      await redis.start()
    },
  },
  {
    name: 'redis-client-kill', weakest: 'everysec', kills: false, shared: true, what: 'Redis cuts every connection',
    strike: async ({ redis }) => { await redis.command('CLIENT', 'KILL', 'TYPE', 'normal') },
  },
  {
    name: 'redis-full', weakest: 'everysec', kills: false, shared: true, what: 'Redis reaches maxmemory and refuses writes',
    strike: async ({ redis }, draw) => {
      await redis.command('CONFIG', 'SET', 'maxmemory', 1_000_000)
      await sleep(300 + draw * 700)
      await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    },
  },
  {
    name: 'redis-log-tail', weakest: 'fsync', except: 'replica', kills: true, shared: true, power: 'fixed',
    what: `Redis is killed and its append-only file loses what was written in the last ${CUT_MS / 1_000} s, as in a power loss`,
    strike: async ({ redis, durability }, draw) => {
      await redis.kill()
      // In the mode `fsync` nothing that was answered is off the disk.
      if (durability !== 'fsync') redis.cutLog(draw * CUT_MS)
      await redis.start()
    },
  },
  {
    name: 'redis-power-loss', weakest: 'fsync', except: 'replica', kills: true, shared: true, power: 'own',
    playable: () => syncLibrary() !== undefined,
    what: 'Redis is killed and its append-only file loses what no fsync has confirmed (needs a C compiler, to see them); '
      + 'freezes wait for its log as in production',
    strike: async ({ redis }, draw) => {
      await redis.kill()
      redis.loseUnsynced(draw)
      await redis.start()
    },
  },
  {
    name: 'primary-lost', weakest: 'replica', durability: 'replica', kills: true, shared: true,
    what: 'the primary is killed and all its data is deleted; its replica takes its place, and gets a new one',
    strike: async ({ redis }) => { await redis.failOver() },
  },
  {
    name: 'replica-kill', weakest: 'everysec', durability: 'replica', kills: true, shared: true,
    what: 'the replica is killed and started again',
    strike: async ({ redis }, draw) => { await redis.restartReplica(draw * 1_500) },
  },
  {
    name: 'redis-lost', weakest: 'log-first', durability: 'log-first', kills: true, shared: true, what: 'Redis is killed and all its data is deleted',
    strike: async ({ redis }) => {
      await redis.kill()
      redis.forget()
      await redis.start()
    },
  },
  ...(['mongo', 'mysql', 'elasticsearch'] as const).map((kind): Nemesis => ({
    name: `${kind}-kill`, weakest: 'everysec', stores: 'servers', kills: true, shared: true, what: `the ${kind} server is killed and started again`,
    strike: async ({ servers }) => { await servers?.restart(kind) },
  })),
]
