import { type Kysely, type Migration, sql } from 'kysely';

/**
 * `thread_no` numbers the incarnations: a thread deleted and made again has another one, and none is used twice.
 *
 * `events` has a rowid and a key beside it: where a commit touches many threads, pages of short index
 * entries are written instead of pages full of data (1.7 times the appends of WITHOUT ROWID, reads alike).
 *
 * What changes with every append (`threads`) lies apart from what may be long (`thread_details`).
 */
const TABLES = [
  sql`create table writers (
    writer_no integer primary key autoincrement,
    batch_id text not null,
    checks integer not null default 0
  ) strict`,

  sql`create table threads (
    thread_no integer primary key autoincrement,
    thread_id text not null unique,
    owner_id text not null,
    epoch text not null,
    head integer not null default 0,
    created_at integer not null,
    updated_at integer not null
  ) strict`,
  sql`create index threads_by_owner on threads (owner_id)`,

  sql`create table thread_details (
    thread_no integer primary key references threads on delete cascade,
    title text,
    metadata text not null
  ) strict`,

  sql`create table members (
    member_no integer primary key autoincrement,
    thread_no integer not null references threads on delete cascade,
    user_id text not null,
    unique (thread_no, user_id)
  ) strict`,
  sql`create index members_by_user on members (user_id)`,

  sql`create table cursors (
    thread_no integer not null references threads on delete cascade,
    user_id text not null,
    seq integer not null,
    updated_at integer not null,
    primary key (thread_no, user_id)
  ) strict, without rowid`,

  sql`create table tombstones (
    thread_id text not null primary key,
    owner_id text not null,
    deleted_at integer not null
  ) strict, without rowid`,

  sql`create table events (
    thread_no integer not null,
    seq integer not null,
    type text not null,
    run_id text,
    agent text,
    time integer not null,
    data text not null,
    primary key (thread_no, seq)
  ) strict`,

  // Without a thread_no: the thread was deleted, the id stays known.
  sql`create table runs (
    run_no integer primary key autoincrement,
    run_id text not null unique,
    thread_no integer references threads on delete set null,
    thread_id text not null,
    agent text not null,
    user_id text not null,
    status text not null,
    attempt integer not null,
    policy text not null,
    external integer not null,
    position integer not null,
    input text not null,
    message_id text,
    associated integer not null,
    inputs text not null,
    created_at integer not null,
    started_at integer,
    ended_at integer,
    end_reason text
  ) strict`,
  sql`create index runs_by_thread on runs (thread_no)`,
  sql`create index runs_unfinished on runs (thread_no) where status in ('queued', 'running', 'waiting_input')`,

  sql`create table run_events (
    run_no integer not null references runs,
    event_id text not null,
    seq integer not null,
    primary key (run_no, event_id)
  ) strict, without rowid`,

  // thread_no 0: asked without a thread.
  sql`create table requests (
    thread_no integer not null,
    user_id text not null,
    message_id text not null,
    thread_id text not null,
    run_id text not null,
    seq integer,
    primary key (thread_no, user_id, message_id)
  ) strict, without rowid`,
];

export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of TABLES) await statement.execute(db);
  },
};
