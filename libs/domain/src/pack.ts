import { z } from 'zod'

const slug = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'lower-case letters, digits and underscores, at most 32')
  .refine((name) => !(name in Object.prototype), 'a name that every object has')
const column = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/)

/** How one entity type meets the SQL table that holds its rows. Data, so that it also fits a table a user already has. */
export const catalogMappingSchema = z.strictObject({
  table: column.describe('SQL table'),
  managed: z.boolean().default(true).describe('true: migrations create the table; false: it is the user\'s own'),
  key: z.strictObject({
    column,
    type: z.enum(['string', 'integer']).default('string').describe('an id that does not fit the type is an orphan'),
    maxLength: z.int().min(1).max(256).default(256),
  }),
  tenantColumn: column.optional().describe('absent: every row belongs to the tenant `default`'),
  titleColumn: column,
  totals: z.record(slug, column).describe('action to the column that receives its total'),
  opening: z.enum(['keep', 'zero']).default('keep')
    .describe('keep: the numbers found at the first sync stay and are added; zero: they are overwritten'),
  columns: z.record(column, z.strictObject({
    type: z.enum(['string', 'text', 'integer', 'number', 'boolean', 'date', 'datetime', 'list', 'json']),
    dimension: z.boolean().default(false).describe('true: segments can be built on it'),
    title: z.string().optional(),
    references: slug.optional().describe('the entity type whose ids it holds'),
    birth: z.boolean().default(false).describe('true: a date from which `age`, in years, can be asked for'),
  })),
  quality: z.strictObject({
    fields: z.record(slug, column).describe('field to the column that must not be empty'),
    category: column.optional().describe('the dimension that scores are told by'),
    twinDate: column.optional().describe('rows with the same title and this date are duplicates'),
  }).optional().describe('what a complete row has'),
})

/** A domain pack: everything about a product that the engine does not know. */
export const packSchema = z.strictObject({
  domain: slug,
  title: z.string().min(1),
  description: z.string().min(1),
  finest: z.enum(['day', 'hour']).default('day').describe('the shortest bucket that is kept'),
  maxAgeDays: z.int().min(1).max(3650).default(30).describe('how far back an event may be dated'),
  entityTypes: z.record(slug, z.strictObject({
    title: z.string().min(1),
    catalog: catalogMappingSchema.optional(),
  })),
  actions: z.record(slug, z.strictObject({
    title: z.string().min(1),
    entityTypes: z.array(slug).min(1).optional().describe('absent: every entity type'),
    measures: z.record(slug, z.strictObject({
      property: z.string().min(1).describe('the event property that holds the amount'),
      unit: z.string().min(1).describe('the unit of the integer, such as `cent` or `second`'),
      max: z.int().min(1).max(1_000_000_000).default(1_000_000_000),
    })).default({}).describe('amounts that are added up beside the count'),
  })),
}).superRefine((pack, context) => {
  const known = Object.keys(pack.entityTypes)
  for (const [name, action] of Object.entries(pack.actions)) {
    if (Object.hasOwn(action.measures, 'count')) context.addIssue(`actions.${name}: the measure count is built in`)
    for (const type of action.entityTypes ?? []) {
      if (!known.includes(type)) context.addIssue(`actions.${name}: no entity type ${type}`)
    }
  }
  for (const [type, { catalog }] of Object.entries(pack.entityTypes)) {
    for (const action of Object.keys(catalog?.totals ?? {})) {
      const allowed = pack.actions[action]
      if (!allowed || (allowed.entityTypes && !allowed.entityTypes.includes(type))) {
        context.addIssue(`entityTypes.${type}.catalog.totals: no action ${action} on ${type}`)
      }
    }
    for (const [name, { references }] of Object.entries(catalog?.columns ?? {})) {
      if (references !== undefined && !pack.entityTypes[references]?.catalog) {
        context.addIssue(`entityTypes.${type}.catalog.columns.${name}: no catalog of ${references}`)
      }
    }
    const { fields = {}, category, twinDate } = catalog?.quality ?? {}
    for (const name of [...Object.values(fields), category, twinDate]) {
      if (name !== undefined && !Object.hasOwn(catalog!.columns, name)) {
        context.addIssue(`entityTypes.${type}.catalog.quality: no column ${name}`)
      }
    }
    if (category !== undefined && !catalog!.columns[category]?.dimension) {
      context.addIssue(`entityTypes.${type}.catalog.quality: ${category} is no dimension`)
    }
  }
})

export type Pack = z.output<typeof packSchema>
export type PackInput = z.input<typeof packSchema>
export type CatalogMapping = z.output<typeof catalogMappingSchema>

/** Checks a pack and fills in what it leaves open. Throws a readable list of faults. */
export function definePack(pack: PackInput): Pack {
  const parsed = packSchema.safeParse(pack)
  if (!parsed.success) throw new Error(`pack ${pack.domain}:\n${z.prettifyError(parsed.error)}`)
  return Object.freeze(parsed.data)
}

/** The packs of an installation, by domain. */
export type Packs = ReadonlyMap<string, Pack>

/** Every action name of every pack, sorted: what a store needs an index for. */
export function actionsOf(packs: Packs): string[] {
  return [...new Set([...packs.values()].flatMap((pack) => Object.keys(pack.actions)))].sort()
}

/** Every (domain, entity type) with a catalog table. */
export function catalogsOf(packs: Packs): { domain: string; entityType: string; mapping: CatalogMapping }[] {
  return [...packs.values()].flatMap((pack) => Object.entries(pack.entityTypes).flatMap(([entityType, { catalog }]) =>
    catalog ? [{ domain: pack.domain, entityType, mapping: catalog }] : []))
}
