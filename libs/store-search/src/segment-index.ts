import type { Client, estypes, TransportRequestOptions } from '@elastic/elasticsearch'
import { AppError } from '@tallyfleet/domain'
import { typeOfError } from './search-connection.ts'

/** Raise it with every change of the mapping, the terms or the projected dimensions: a new index is begun, and fills itself because it holds no marks. */
const MAPPING_VERSION = 2

/**
 * A fixed handful of fields, whatever the packs hold. Dimensions are kept but not mapped, because two packs may give
 * one name two types: `terms` holds them instead (segment-term.ts). Only `totals` grows, by one field for each action
 * name. `double` holds every number of JavaScript as it is; `long` would cut decimals off.
 */
const MAPPINGS: estypes.MappingTypeMapping = {
  _meta: { version: MAPPING_VERSION },
  dynamic: 'strict',
  dynamic_templates: [{ totals: { path_match: 'totals.*', mapping: { type: 'double' } } }],
  properties: {
    tenant: { type: 'keyword' },
    domain: { type: 'keyword' },
    entity_type: { type: 'keyword' },
    entity_id: { type: 'keyword' },
    title: { type: 'keyword', ignore_above: 8_191 },
    dimensions: { type: 'object', enabled: false },
    terms: { type: 'keyword' },
    totals: { type: 'object', dynamic: 'true' },
    actions: { type: 'keyword' },
    version: { type: 'long' },
    shard: { type: 'integer' },
    mark: { type: 'long' },
  },
}

/** Production templates turn these into data streams, which know no external versions. */
const RESERVED = /^(logs|metrics|traces|synthetics|profiling)-/

/** The alias that everything is read and written through. Throws `CONFIG_INVALID` for a prefix no index can have. */
export function aliasOf(prefix: string): string {
  if (!/^[a-z0-9][a-z0-9_-]{0,99}$/.test(prefix) || RESERVED.test(`${prefix}-`)) {
    throw new AppError('CONFIG_INVALID', `${JSON.stringify(prefix)} cannot be a prefix of search indices`)
  }
  return `${prefix}-segments`
}

/**
 * Makes sure that `alias` leads to an index of this mapping version. Any number of processes may do so at once. An
 * index of an older version stays, without the alias. Rejects with `STORE_REFUSED` for an index of a newer version or
 * one that is not ours.
 */
export async function ensureIndex(client: Client, alias: string, options: TransportRequestOptions): Promise<void> {
  const index = `${alias}-v${MAPPING_VERSION}`
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const current = await findIndex(client, alias, options)
    if (current?.version === MAPPING_VERSION) return
    if (current && (current.version === undefined || current.version > MAPPING_VERSION)) {
      throw new AppError('STORE_REFUSED', `${alias} leads to ${current.name}, which this release did not make`)
    }
    try {
      if (!current) {
        await createIndex(client, index, { [alias]: { is_write_index: true } }, options)
      } else {
        await createIndex(client, index, {}, options)
        await client.indices.updateAliases({ actions: [
          { remove: { index: current.name, alias, must_exist: true } },
          { add: { index, alias, is_write_index: true } },
        ] }, options)
      }
    } catch (error) {
      // Another process was faster: look again.
      if (!['aliases_not_found_exception', 'invalid_alias_name_exception'].includes(typeOfError(error) ?? '')) throw error
    }
  }
  throw new AppError('STORE_UNAVAILABLE', `${alias} could not be created`)
}

async function createIndex(
  client: Client, index: string, aliases: Record<string, estypes.IndicesAlias>, options: TransportRequestOptions,
): Promise<void> {
  try {
    // Replicas where there is a second node, and a green index where there is none.
    const settings = { index: { auto_expand_replicas: '0-1' as const } }
    await client.indices.create({ index, aliases, settings, mappings: MAPPINGS }, options)
  } catch (error) {
    if (typeOfError(error) !== 'resource_already_exists_exception') throw error
    await client.cluster.health({ index, wait_for_status: 'yellow', timeout: '5s' }, options)
  }
}

async function findIndex(
  client: Client, alias: string, options: TransportRequestOptions,
): Promise<{ name: string; version: number | undefined } | undefined> {
  const found = await client.indices.getMapping({ index: alias }, { ...options, ignore: [404] })
  if ('error' in found) return undefined
  const [entry, second] = Object.entries(found)
  if (!entry) return undefined
  if (second) throw new AppError('STORE_REFUSED', `${alias} leads to more than one index`)
  const version: unknown = entry[1].mappings._meta?.['version']
  return { name: entry[0], version: typeof version === 'number' ? version : undefined }
}
