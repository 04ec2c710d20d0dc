import { AppError } from '@tallyfleet/domain'
import { Migrator } from 'kysely/migration'
import { catalogRows } from './migrations/0001-catalog-rows.ts'
import { catalogRevisions } from './migrations/0002-catalog-revisions.ts'
import { catalogMarks } from './migrations/0003-catalog-marks.ts'
import { tenants } from './migrations/0004-tenants.ts'
import { keys } from './migrations/0005-keys.ts'
import { users } from './migrations/0006-users.ts'
import { sessions } from './migrations/0007-sessions.ts'
import { audit } from './migrations/0008-audit.ts'
import { records } from './migrations/0009-records.ts'
import { jobEvents } from './migrations/0010-job-events.ts'
import { catalogChanges } from './migrations/0011-catalog-changes.ts'
import type { SqlMigration } from './migrations/migration.ts'
import type { SqlDatabase } from './sql-database.ts'

/** By name, which a database notes as done: never renamed, never reordered, only added at the end. */
const MIGRATIONS: Readonly<Record<string, SqlMigration>> = {
  '0001-catalog-rows': catalogRows,
  '0002-catalog-revisions': catalogRevisions,
  '0003-catalog-marks': catalogMarks,
  '0004-tenants': tenants,
  '0005-keys': keys,
  '0006-users': users,
  '0007-sessions': sessions,
  '0008-audit': audit,
  '0009-records': records,
  '0010-job-events': jobEvents,
  '0011-catalog-changes': catalogChanges,
}

/**
 * Brings the engine's own tables up to date; several processes may do so at once. Rejects with `STORE_REFUSED` when the
 * database was migrated by a newer release.
 */
export async function migrateSql(database: SqlDatabase): Promise<void> {
  await database.run(async (db) => {
    const migrator = new Migrator({
      db,
      provider: {
        getMigrations: async () => Object.fromEntries(
          Object.entries(MIGRATIONS).map(([name, migration]) => [name, migration(database.engine)])),
      },
      migrationTableName: 'fleet_migrations',
      migrationLockTableName: 'fleet_migrations_lock',
    })
    const error = await migrateTogether(migrator)
    if (error instanceof Error && error.message.startsWith('corrupted migrations')) {
      throw new AppError('STORE_REFUSED', `${database.name} was migrated by another release: ${error.message}`, {
        cause: error,
      })
    }
    if (error) throw error
  })
}

/**
 * Kysely locks nothing on SQLite, so two processes may run the same migration, which is harmless, and both note it,
 * which the second may not: it looks again and finds it done.
 */
async function migrateTogether(migrator: Migrator): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    const { error } = await migrator.migrateToLatest()
    const raced = error instanceof Error && error.message.includes('UNIQUE constraint failed: fleet_migrations')
    if (!raced || tries === 20) return error
  }
}
