import { type Kysely, type Migration, sql } from 'kysely';

/** When a member was removed last: from the event with this seq on nothing was theirs. */
export const removals: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`create table removals (
      thread_no integer not null references threads on delete cascade,
      user_id text not null,
      seq integer not null,
      time integer not null,
      primary key (thread_no, user_id)
    ) strict, without rowid`.execute(db);
  },
};
