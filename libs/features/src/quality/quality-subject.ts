import { AppError, type CatalogMapping, type Packs } from '@tallyfleet/domain'
import { checkSubject } from '../explore/subject.ts'

export type QualitySubject = { entityType: string; mapping: CatalogMapping; rules: NonNullable<CatalogMapping['quality']> }

/** The entity types of a pack that have quality rules. Throws `DOMAIN_UNKNOWN`. */
export function listQualitySubjects(domain: string, packs: Packs): (QualitySubject & { title: string })[] {
  const pack = packs.get(domain)
  if (!pack) throw fault('DOMAIN_UNKNOWN', '/domain', `no pack ${JSON.stringify(domain)}`)
  return Object.entries(pack.entityTypes).flatMap(([entityType, { title, catalog }]) =>
    (catalog?.quality ? [{ entityType, title, mapping: catalog, rules: catalog.quality }] : []))
}

/** The one of this type, or the first of the pack. Throws `DOMAIN_UNKNOWN`, `ENTITY_TYPE_UNKNOWN`. */
export function getQualitySubject(domain: string, entityType: string | undefined, packs: Packs): QualitySubject {
  const subjects = listQualitySubjects(domain, packs)
  if (entityType !== undefined) checkSubject({ domain, entityType }, packs)
  const found = entityType === undefined ? subjects[0] : subjects.find((one) => one.entityType === entityType)
  if (found) return found
  throw fault('ENTITY_TYPE_UNKNOWN', '/entity_type', `${entityType ?? domain} has no quality rules; `
    + `there are some for ${subjects.map((one) => one.entityType).join(', ') || 'nothing'}`)
}

function fault(code: 'DOMAIN_UNKNOWN' | 'ENTITY_TYPE_UNKNOWN', pointer: string, detail: string): AppError {
  return new AppError(code, detail, { details: { errors: [{ pointer, code, detail }] } })
}
