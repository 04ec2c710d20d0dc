import type { Pack } from '@tallyfleet/domain'

/** The actions that an entity type can have, in the pack's order, those that its catalog shows first. */
export function actionsOfType(pack: Pack, entityType: string): string[] {
  const shown = Object.keys(pack.entityTypes[entityType]?.catalog?.totals ?? {})
  const allowed = Object.entries(pack.actions)
    .filter(([, { entityTypes }]) => !entityTypes || entityTypes.includes(entityType)).map(([action]) => action)
  return [...new Set([...shown.filter((action) => allowed.includes(action)), ...allowed])]
}

/** The entity type that a pack is about: its first one with a catalog. */
export function mainTypeOf(pack: Pack): string {
  const types = Object.entries(pack.entityTypes)
  return (types.find(([, { catalog }]) => catalog) ?? types[0]!)[0]
}
