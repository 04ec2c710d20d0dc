import { BREAKS, type Break } from './breaks.ts'
import { KILL_POINTS } from './kill-points.ts'
import type { Prototypes } from './prototypes.ts'
import type { Traps } from './traps.ts'

type Method = (...args: any[]) => Promise<unknown>

/** The arguments for the first half of a call; undefined when it cannot be halved. */
const HALVES: Record<string, (args: any[]) => any[] | undefined> = {
  'hot.ingest': ([request]) => {
    const events = firstHalf(request.events)
    return events && !request.claim ? [{ ...request, events }] : undefined
  },
  'hot.freeze': ([requests]) => wrap(firstHalf(requests)),
  'rollups.apply': ([shard, n, documents]) => {
    const half = firstHalf(documents)
    return half && [shard, n, half]
  },
  'catalog.putTotals': ([totals]) => wrap(firstHalf(totals)),
  'segments.putDocuments': ([documents]) => wrap(firstHalf(documents)),
}

function firstHalf(list: readonly unknown[]): unknown[] | undefined {
  return list.length < 2 ? undefined : list.slice(0, Math.ceil(list.length / 2))
}

function wrap(half: unknown[] | undefined): unknown[][] | undefined {
  return half && [half]
}

/**
 * Puts the kill points into the ports of this process: into the prototypes of its adapters, so that whatever the
 * product does with them comes by here, and its own code stays as it is. With `breaks` a rule of the protocol is
 * removed underneath.
 */
export function armPorts(
  prototypes: Prototypes, traps: Traps, { breaks, redisUrl }: { breaks: Break | undefined; redisUrl: string },
): void {
  if (breaks) BREAKS[breaks](prototypes, traps, redisUrl)
  const methods = new Map<string, string[]>()
  for (const { name } of KILL_POINTS) {
    const { port, method, kind } = /^(?<port>\w+)\.(?<method>\w+)(\[(?<kind>\w+)\])?:/.exec(name)!.groups!
    const kinds = methods.get(`${port}.${method}`) ?? []
    if (kind && !kinds.includes(kind)) kinds.push(kind)
    methods.set(`${port}.${method}`, kinds)
  }
  for (const [name, kinds] of methods) {
    const [port, method] = name.split('.') as [keyof Prototypes, string]
    const prototype = prototypes[port] as Record<string, Method> | undefined
    if (!prototype) continue // this process has no such port
    const original = prototype[method]!
    prototype[method] = async function (this: unknown, ...args) {
      if (kinds.length > 0 && !kinds.includes(args[0])) return await original.apply(this, args)
      const place = kinds.length > 0 ? `${name}[${args[0]}]` : name
      traps.reach(place, 'before')
      const half = HALVES[name]?.(args)
      // A broken method halves itself.
      if (half && !BROKEN_HALVES[breaks ?? '']?.includes(name) && traps.isHalf(place)) {
        await original.apply(this, half)
        traps.die()
      }
      const answer = await original.apply(this, args)
      traps.reach(place, 'after')
      return answer
    }
  }
}

const BROKEN_HALVES: Record<string, string[]> = { dedupe: ['hot.ingest'], freeze: ['hot.freeze'] }
