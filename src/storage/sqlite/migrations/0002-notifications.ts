import { type Kysely, type Migration, sql } from 'kysely';

/** `outcome` null: owed. What is owed is found among any number of settled ones by indexes of its own. */
const STATEMENTS = [
  sql`create table notifications (
    notice_no integer primary key autoincrement,
    thread_no integer not null references threads on delete cascade,
    seq integer not null,
    run_id text not null,
    user_id text not null,
    type text not null,
    time integer not null,
    outcome text,
    settled_at integer,
    unique (thread_no, seq)
  ) strict`,
  sql`create index notifications_owed on notifications (notice_no) where outcome is null`,
  sql`create index notifications_owed_by_thread on notifications (thread_no, seq) where outcome is null`,
  sql`create index notifications_settled on notifications (settled_at) where outcome is not null`,
];

export const notifications: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
