import { type Kysely, type Migration, sql } from 'kysely';

/** Processes that share the database: whoever of them opens it fences none of the others. */
export const sharedWriters: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table writers add column shared boolean not null default false, add column session text`.execute(
      db,
    );
  },
};
