import { CompiledQuery, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlEngine } from '../sql-database.ts'

/** One change, told to each engine. On MySQL it is one statement, because DDL there is not transactional. */
export type SqlMigration = (engine: SqlEngine) => Migration

/**
 * A migration of statements. They must bear being run again: a process may die between the change and the note that
 * it was made.
 */
export function migrationOf(texts: { mysql: string; sqlite: string | readonly string[] }): SqlMigration {
  return (engine) => ({
    async up(db: Kysely<unknown>): Promise<void> {
      for (const text of [texts[engine]].flat()) await db.executeQuery(CompiledQuery.raw(text))
    },
  })
}
