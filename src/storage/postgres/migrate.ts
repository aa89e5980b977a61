import { Kysely, Migrator, PostgresDialect, sql } from 'kysely';
import pg from 'pg';

import { type PostgresOptions, clientConfig } from './connection.js';
import { MIGRATIONS } from './migrations/index.js';
import { reason } from './storage-error.js';

/**
 * Brings the schema to this version; nothing to do is fine. All steps are one transaction, under an advisory lock:
 * processes that start together wait for each other, and one that dies between the steps leaves the schema as it was.
 * Refuses what a newer version has written.
 */
export async function migrate(options: PostgresOptions): Promise<void> {
  const config = clientConfig(options);
  // A step over much data may take longer than any statement of the server.
  const pool = new pg.Pool({
    ...config,
    statement_timeout: 0,
    query_timeout: 0,
    application_name: 'threadcast migration',
  });
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const schema = await writableSchema(db);
    await refuseNewer(db, schema);
    const provider = { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) };
    const { error } = await new Migrator({ db, provider, migrationTableSchema: schema }).migrateToLatest();
    if (error !== undefined) throw new Error(`its migration failed: ${reason(error)}`, { cause: error });
  } finally {
    await db.destroy();
  }
}

/** The first schema of the search path, where tables are made. */
async function writableSchema(db: Kysely<unknown>): Promise<string> {
  const found = await sql<{ schema: string | null; encoding: string }>`
    select current_schema() as schema, current_setting('server_encoding') as encoding`.execute(db);
  const { schema = null, encoding } = found.rows[0] ?? {};
  if (schema === null) throw new Error('its search path names no schema that exists');
  if (encoding !== 'UTF8') throw new Error(`its encoding is ${encoding ?? 'not known'}, and has to be UTF8`);
  return schema;
}

async function refuseNewer(db: Kysely<unknown>, schema: string): Promise<void> {
  const table = sql`select 1 from pg_tables where schemaname = ${schema} and tablename = 'kysely_migration'`;
  if ((await table.execute(db)).rows.length === 0) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  const unknown = rows.map((row) => row.name).filter((name) => !(name in MIGRATIONS));
  if (unknown.length > 0) {
    throw new Error(
      `it was written by a newer version of Threadcast (${unknown.join(', ')}). Run that version, or use another database`,
    );
  }
}
