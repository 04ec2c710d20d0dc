import { readdirSync } from 'node:fs'
import { catalogsOf, definePack, packSchema, readEvent, type CatalogMapping } from '@tallyfleet/domain'
import { expect, test } from 'vitest'
import { packs } from './index.ts'

// Tables of the engine in the same database.
const INTERNAL_TABLES = [
  'catalog_rows', 'catalog_revisions', 'catalog_marks', 'tenants', 'api_keys', 'users', 'sessions', 'audit_log',
  'rollups', 'manifests', 'manifest_parts', 'journal', 'segments', 'segment_marks', 'dead_deltas',
]

// Reserved in MySQL 8 or 9, MariaDB or SQLite: legal only when quoted, and people write queries by hand.
const RESERVED = new Set(`
  accessible add all alter analyze and as asc asensitive autoincrement before between bigint binary blob both by call
  cascade case change char character check collate column commit condition constraint continue convert create cross cube
  cume_dist current_date current_role current_time current_timestamp current_user cursor database databases
  day_hour day_microsecond day_minute day_second dec decimal declare default deferrable delayed delete dense_rank desc
  describe deterministic distinct distinctrow div do_domain_ids double drop dual each else elseif empty enclosed
  escape escaped except exists exit explain false fetch first_value float float4 float8 for force foreign from fulltext
  function general generated get glob grant group grouping groups having high_priority hour_microsecond hour_minute
  hour_second if ignore ignore_domain_ids ignore_server_ids in index infile inner inout insensitive insert int int1
  int2 int3 int4 int8 integer intersect interval into io_after_gtids io_before_gtids is isnull iterate join json_table
  key keys kill lag last_value lateral lead leading leave left library like limit linear lines load localtime
  localtimestamp lock long longblob longtext loop low_priority manual master_bind master_heartbeat_period
  master_ssl_verify_server_cert match maxvalue mediumblob mediumint mediumtext middleint minute_microsecond
  minute_second mod modifies natural no_write_to_binlog not nothing notnull nth_value ntile null numeric of on optimize
  optimizer_costs option optionally or order out outer outfile over page_checksum parallel parse_vcol_expr partition
  percent_rank precision primary procedure purge qualify range rank read read_write reads real recursive ref_system_id
  references regexp release rename repeat replace require resignal restrict return returning revoke right rlike row
  row_number rows schema schemas second_microsecond select sensitive separator set show signal slow smallint spatial
  specific sql sql_big_result sql_calc_found_rows sql_small_result sqlexception sqlstate sqlwarning ssl starting
  stats_auto_recalc stats_persistent stats_sample_pages stored straight_join system table tablesample terminated then
  tinyblob tinyint tinytext to trailing transaction trigger true undo union unique unlock unsigned update usage use
  using utc_date utc_time utc_timestamp values varbinary varchar varcharacter varying virtual when where while window
  with write xor year_month zerofill
`.trim().split(/\s+/))

const mappings = catalogsOf(packs)
const named = mappings.map((catalog) => ({ ...catalog, name: `${catalog.domain}.${catalog.entityType}` }))

function columnsOf(mapping: CatalogMapping): string[] {
  return [
    mapping.key.column, ...(mapping.tenantColumn ? [mapping.tenantColumn] : []),
    ...Object.keys(mapping.columns), ...Object.values(mapping.totals),
  ]
}

test('every folder is a registered pack of the same name, and nothing else is registered', () => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory()).map((entry) => entry.name).sort()
  expect([...packs.keys()].sort()).toEqual(folders)
})

test.each([...packs.values()])('$domain passes the schema', (pack) => {
  expect(packSchema.parse(structuredClone(pack))).toEqual(pack)
})

test.each([...packs.values()])('$domain counts each action of each entity type that may have it', (pack) => {
  for (const [action, { entityTypes = Object.keys(pack.entityTypes), measures }] of Object.entries(pack.actions)) {
    for (const entityType of entityTypes) {
      const properties = Object.fromEntries(Object.values(measures).map(({ property }) => [property, 1]))
      const event = {
        domain: pack.domain, entity_type: entityType, entity_id: 'e-1', action, properties,
        occurred_at: '2026-11-21T10:00:00Z', event_id: 'id-1',
      }
      const now = new Date('2026-11-21T10:00:01Z')
      const read = readEvent(event, { packs, tenant: 'default', zone: 'UTC', now, source: 'api' })
      const wanted = ['count', ...Object.keys(measures)].map((measure) => ({ measure, value: 1 }))
      expect(read).toMatchObject({ event: { domain: pack.domain, entityType, action, amounts: wanted } })
    }
  }
})

test.each([...packs.values()])('$domain leaves no entity type without an action', (pack) => {
  for (const entityType of Object.keys(pack.entityTypes)) {
    const actions = Object.values(pack.actions)
    expect(actions.some(({ entityTypes }) => entityTypes?.includes(entityType) ?? true), entityType).toBe(true)
  }
})

test.each(named)('the catalog of $name names each column once, none reserved', ({ mapping }) => {
  const columns = columnsOf(mapping).map((column) => column.toLowerCase())
  expect(new Set(columns).size).toBe(columns.length)
  expect([...columns, mapping.table].filter((name) => RESERVED.has(name.toLowerCase()))).toEqual([])
})

test.each(named)('the catalog of $name is managed, tenanted and keyed by id', ({ mapping }) => {
  expect(mapping).toMatchObject({ managed: true, tenantColumn: 'tenant', key: { column: 'id', type: 'string' } })
})

test.each(named)('the catalog of $name has a title, and dimensions that can be segmented', ({ mapping }) => {
  expect(mapping.columns[mapping.titleColumn]).toMatchObject({ type: 'string' })
  const dimensions = Object.values(mapping.columns).filter(({ dimension }) => dimension)
  expect(dimensions.length).toBeGreaterThan(0)
  for (const { type } of dimensions) expect(['string', 'integer', 'number', 'boolean', 'date', 'list']).toContain(type)
})

test.each(named)('each totals column of $name belongs to an action that the type may have', (catalog) => {
  const actions = packs.get(catalog.domain)!.actions
  expect(Object.keys(catalog.mapping.totals).length).toBeGreaterThan(0)
  for (const action of Object.keys(catalog.mapping.totals)) {
    expect(actions[action]?.entityTypes ?? [catalog.entityType]).toContain(catalog.entityType)
  }
})

test('a pack whose totals name an action that the type lacks is refused', () => {
  expect(() => definePack({
    domain: 'x', title: 'X', description: 'X',
    entityTypes: {
      a: {
        title: 'A',
        catalog: {
          table: 'x_a', key: { column: 'id' }, titleColumn: 'title', totals: { view: 'views' },
          columns: { title: { type: 'string' } },
        },
      },
      b: { title: 'B' },
    },
    actions: { view: { title: 'View', entityTypes: ['b'] } },
  })).toThrow('no action view on a')
})

test('no two entity types share a table, in whatever case', () => {
  const tables = mappings.map(({ mapping }) => mapping.table.toLowerCase())
  expect(new Set(tables).size).toBe(tables.length)
})

test('no table collides with one of the engine', () => {
  const tables = mappings.map(({ mapping }) => mapping.table.toLowerCase())
  expect(tables.filter((table) => INTERNAL_TABLES.includes(table))).toEqual([])
})

test('the film catalog has the columns that its site reads', () => {
  const movie = packs.get('jav')!.entityTypes.movie!.catalog!
  expect(movie.table).toBe('jav')
  expect(movie.totals).toEqual({ view: 'views', download: 'downloads' })
})
