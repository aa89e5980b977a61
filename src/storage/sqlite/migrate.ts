import Database from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect, sql } from 'kysely';

import { reason } from './data-dir.js';
import { MIGRATIONS } from './migrations/index.js';

/**
 * Brings the database file to this version; nothing to do is fine. All steps are one transaction: a process
 * that dies between them leaves the file as it was. Refuses a file that a newer version has written.
 */
export async function migrate(file: string): Promise<void> {
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new Database(file) }) });
  try {
    await refuseNewer(db);
    const provider = { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) };
    const { error } = await new Migrator({ db, provider }).migrateToLatest();
    if (error !== undefined) throw new Error(`its migration failed: ${reason(error)}`, { cause: error });
  } finally {
    await db.destroy();
  }
}

async function refuseNewer(db: Kysely<unknown>): Promise<void> {
  const table = sql`select 1 from sqlite_schema where type = 'table' and name = 'kysely_migration'`;
  if ((await table.execute(db)).rows.length === 0) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  const unknown = rows.map((row) => row.name).filter((name) => !(name in MIGRATIONS));
  if (unknown.length > 0) {
    throw new Error(
      `it was written by a newer version of Threadcast (${unknown.join(', ')}). Run that version, or use another directory`,
    );
  }
}
