import { type Kysely, type Migration, sql } from 'kysely';

export const associationTime: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table runs add column association_ms integer not null default 0`.execute(db);
  },
};
