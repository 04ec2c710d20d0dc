import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseServers } from './database-servers.ts'
import type { SelfFault } from './faults.ts'
import type { Durability } from './kill-points.ts'
import type { RedisServer } from './redis-server.ts'

/** A process that a fault is about. */
export type Victim = {
  signal(name: NodeJS.Signals): void
  suffer(told: SelfFault): void
  /** True when it ended within `timeoutMs`. */
  ends(timeoutMs: number): Promise<boolean>
}

/** What a fault can reach. */
export type Scene = {
  redis: RedisServer
  durability: Durability
  victim: Victim
  servers: DatabaseServers | undefined
}

export type Nemesis<In extends Scene = Scene> = {
  name: string
  /** The weakest mode that loses nothing to it. */
  weakest: Durability
  /** Where it makes sense; absent: everywhere. */
  stores?: 'embedded' | 'servers'
  /** It ends a process by SIGKILL. */
  kills: boolean
  /** Played in this mode alone: every other one loses more than it can name. */
  durability?: Durability
  /** It takes what is not on the disk yet: its round waits for the disk before it writes. */
  power?: boolean
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
    name: 'redis-kill', weakest: 'fsync', kills: true, what: 'Redis is killed and started again on its append-only file',
    strike: async ({ redis }, draw) => {
      await redis.kill()
      await sleep(draw * 500)
      await redis.start()
    },
  },
  {
    name: 'redis-client-kill', weakest: 'everysec', kills: false, what: 'Redis cuts every connection',
    strike: async ({ redis }) => { await redis.command('CLIENT', 'KILL', 'TYPE', 'normal') },
  },
  {
    name: 'redis-full', weakest: 'everysec', kills: false, what: 'Redis reaches maxmemory and refuses writes',
    strike: async ({ redis }, draw) => {
      await redis.command('CONFIG', 'SET', 'maxmemory', 1_000_000)
      await sleep(300 + draw * 700)
      await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    },
  },
  {
    name: 'redis-log-tail', weakest: 'fsync', kills: true, power: true,
    what: `Redis is killed and its append-only file loses what was written in the last ${CUT_MS / 1_000} s, as in a power loss`,
    strike: async ({ redis, durability }, draw) => {
      await redis.kill()
      // In the mode `fsync` nothing that was answered is off the disk.
      if (durability !== 'fsync') redis.cutLog(draw * CUT_MS)
      await redis.start()
    },
  },
  {
    name: 'redis-lost', weakest: 'log-first', durability: 'log-first', kills: true, what: 'Redis is killed and all its data is deleted',
    strike: async ({ redis }) => {
      await redis.kill()
      redis.forget()
      await redis.start()
    },
  },
  ...(['mongo', 'mysql', 'elasticsearch'] as const).map((kind): Nemesis => ({
    name: `${kind}-kill`, weakest: 'everysec', stores: 'servers', kills: true, what: `the ${kind} server is killed and started again`,
    strike: async ({ servers }) => { await servers?.restart(kind) },
  })),
]
