import type { Packs } from '@tallyfleet/domain'
import * as registry from './registry.ts'

/** The domain packs: data about products, no engine code. A new pack is a folder and a line in registry.ts. */
export * from './registry.ts'

/** Every pack that ships with the engine, by domain. */
export const packs: Packs = new Map(Object.values(registry).map((pack) => [pack.domain, pack]))
