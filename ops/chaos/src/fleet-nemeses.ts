import { setTimeout as sleep } from 'node:timers/promises'
import { NEMESES, type Nemesis, type Scene } from './nemeses.ts'
import type { Role } from './role.ts'
import type { ProxyMode } from './tcp-proxy.ts'

/** What a fault of a whole fleet can reach. */
export type FleetScene = Scene & { victim: Role; roles: readonly Role[] }

/** Longer than the lock of a job lasts without a renewal. */
const BEYOND_LOCK_MS = 18_000
/** How long the harness lets a role drain. */
export const DRAIN_MS = 2_000
const DRAIN_DEADLINE_MS = DRAIN_MS + 5_000

const network = (mode: ProxyMode, ms: number, what: string): Nemesis<FleetScene> => ({
  name: `network-${mode}`, weakest: 'everysec', kills: false, what,
  strike: async ({ victim }, draw) => {
    victim.proxy.mode = mode
    await sleep(ms * (0.5 + draw))
    victim.proxy.mode = 'open'
  },
})

const IN_LANES_ALONE = ['sigstop', 'event-loop-block', 'clock-step']
const clockStep = NEMESES.find(({ name }) => name === 'clock-step')!

/** Faults of the real processes, where jobs, locks, ticks and connections are at stake too. */
export const FLEET_NEMESES: readonly Nemesis<FleetScene>[] = [
  ...NEMESES.filter(({ name }) => !IN_LANES_ALONE.includes(name)),
  {
    ...clockStep,
    // A scheduler's clock stays: it would settle ticks of hours to come.
    strike: async ({ victim, roles, ...scene }, draw) => {
      const others = roles.filter(({ name }) => name !== 'scheduler')
      const sufferer = victim.name === 'scheduler' ? others[Math.floor(draw * others.length)]! : victim
      await clockStep.strike({ ...scene, victim: sufferer }, draw)
    },
  },
  {
    name: 'sigstop-beyond-lock', weakest: 'everysec', kills: false,
    what: 'a process sleeps until the locks of its jobs are gone and others have done them, then wakes up',
    strike: async ({ victim }) => {
      victim.signal('SIGSTOP')
      await sleep(BEYOND_LOCK_MS)
      victim.signal('SIGCONT')
    },
  },
  {
    name: 'block-beyond-lock', weakest: 'everysec', kills: false, what: 'the event loop of a process stands still until the locks of its jobs are gone',
    strike: async ({ victim }) => {
      victim.suffer({ fault: 'block', ms: BEYOND_LOCK_MS })
      await sleep(BEYOND_LOCK_MS)
    },
  },
  {
    name: 'sigterm-beyond-deadline', weakest: 'everysec', kills: true, what: 'a process is asked to stop, cannot, and is killed at the deadline',
    strike: async ({ victim }) => {
      victim.suffer({ fault: 'block', ms: 2 * DRAIN_DEADLINE_MS })
      victim.signal('SIGTERM')
      if (!await victim.ends(DRAIN_DEADLINE_MS)) victim.signal('SIGKILL')
      await victim.ends(5_000)
    },
  },
  {
    name: 'rolling-restart', weakest: 'everysec', kills: false,
    what: 'every process is replaced, one after the other, by one of the next release, whose jobs the others do not know',
    strike: async ({ roles }) => {
      const next = Math.max(...roles.map(({ release }) => release)) + 1
      for (const role of roles) {
        role.release = next
        role.signal('SIGTERM')
        await role.ends(2 * DRAIN_DEADLINE_MS)
        await role.isReady()
      }
    },
  },
  network('drop', 4_000, 'one process loses its connections to Redis, and every new one'),
  network('delay', 6_000, 'every byte between one process and Redis is 0.7 s late'),
  network('half-open', 7_000, 'what one process sends to Redis arrives, and the answers are lost'),
]
