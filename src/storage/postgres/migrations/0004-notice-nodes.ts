import { type Kysely, type Migration, sql } from 'kysely';

/** Which node of a cluster brings a notice that is owed; its lease in `nodes` says whether it still does. */
export const noticeNodes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table notifications add column node text collate "C"`.execute(db);
  },
};
