import { AppError, entityIdFault, type ErrorCode, type Packs } from '@tallyfleet/domain'

/** Throws `DOMAIN_UNKNOWN`, `ENTITY_TYPE_UNKNOWN` or `ACTION_UNKNOWN` for what no pack has. */
export function checkSubject(
  { domain, entityType, action }: { domain: string; entityType: string; action?: string }, packs: Packs,
): void {
  const pack = packs.get(domain)
  if (!pack) throw unknown('DOMAIN_UNKNOWN', '/domain', `no pack ${JSON.stringify(domain)}`)
  if (!Object.hasOwn(pack.entityTypes, entityType)) {
    throw unknown('ENTITY_TYPE_UNKNOWN', '/entity_type', `${domain} has no entity type ${JSON.stringify(entityType)}`)
  }
  if (action === undefined) return
  const rule = Object.hasOwn(pack.actions, action) ? pack.actions[action] : undefined
  if (!rule || (rule.entityTypes && !rule.entityTypes.includes(entityType))) {
    throw unknown('ACTION_UNKNOWN', '/action', `${domain} has no action ${JSON.stringify(action)} for ${entityType}`)
  }
}

/** An entity id in the form in which it is counted. Throws `PARAMETER_INVALID`. */
export function readEntityId(text: string): string {
  const id = text.normalize('NFC')
  const fault = entityIdFault(id)
  if (fault) throw unknown('PARAMETER_INVALID', '/entity_id', fault)
  return id
}

function unknown(code: ErrorCode, pointer: string, detail: string): AppError {
  return new AppError(code, `${pointer.slice(1)}: ${detail}`, { details: { errors: [{ pointer, code, detail }] } })
}
