import { type Kysely, type Migration, sql } from 'kysely';

/**
 * `thread_no` numbers the incarnations: a thread deleted and made again has another one, and none is used twice.
 *
 * Nothing refers to `events`, and its key begins with `thread_no`: it can be partitioned by that, and what has lain long
 * enough moved away, without a change to any other table. What may be long is text, never JSON: a JSON column would
 * reorder keys and refuse `\u0000`.
 *
 * Text compares byte by byte (`collate "C"`), whatever the database's own order is.
 */
const STATEMENTS = [
  sql`create table writers (
    writer_no bigint generated always as identity primary key,
    batch_id text not null,
    fenced boolean not null default false
  )`,

  sql`create table threads (
    thread_no bigint generated always as identity primary key,
    thread_id text collate "C" not null unique,
    owner_id text collate "C" not null,
    epoch text collate "C" not null,
    head bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null
  ) with (fillfactor = 70)`,
  sql`create index threads_by_owner on threads (owner_id)`,

  sql`create table thread_details (
    thread_no bigint primary key references threads on delete cascade,
    title text,
    metadata text not null
  )`,

  sql`create table members (
    member_no bigint generated always as identity primary key,
    thread_no bigint not null references threads on delete cascade,
    user_id text collate "C" not null,
    unique (thread_no, user_id)
  )`,
  sql`create index members_by_user on members (user_id)`,

  sql`create table cursors (
    thread_no bigint not null references threads on delete cascade,
    user_id text collate "C" not null,
    seq bigint not null,
    updated_at bigint not null,
    primary key (thread_no, user_id)
  ) with (fillfactor = 70)`,

  sql`create table removals (
    thread_no bigint not null references threads on delete cascade,
    user_id text collate "C" not null,
    seq bigint not null,
    time bigint not null,
    primary key (thread_no, user_id)
  )`,

  sql`create table tombstones (
    thread_id text collate "C" primary key,
    owner_id text collate "C" not null,
    deleted_at bigint not null
  )`,

  sql`create table events (
    thread_no bigint not null,
    seq bigint not null,
    type text not null,
    run_id text,
    agent text,
    time bigint not null,
    data text not null,
    primary key (thread_no, seq)
  )`,

  // Without a thread_no: the thread was deleted, the id stays known.
  sql`create table runs (
    run_no bigint generated always as identity primary key,
    run_id text collate "C" not null unique,
    thread_no bigint references threads on delete set null,
    thread_id text collate "C" not null,
    agent text not null,
    user_id text collate "C" not null,
    status text not null,
    attempt bigint not null,
    policy text not null,
    external boolean not null,
    position bigint not null,
    input text not null,
    message_id text,
    associated boolean not null,
    association_ms bigint not null,
    inputs text not null,
    created_at bigint not null,
    started_at bigint,
    ended_at bigint,
    end_reason text
  )`,
  sql`create index runs_by_thread on runs (thread_no, run_no)`,
  sql`create index runs_unfinished on runs (thread_no) where status in ('queued', 'running', 'waiting_input')`,

  sql`create table run_events (
    run_no bigint not null references runs,
    event_id text collate "C" not null,
    seq bigint not null,
    primary key (run_no, event_id)
  )`,

  // thread_no 0: asked without a thread.
  sql`create table requests (
    thread_no bigint not null,
    user_id text collate "C" not null,
    message_id text collate "C" not null,
    thread_id text collate "C" not null,
    run_id text not null,
    seq bigint,
    primary key (thread_no, user_id, message_id)
  )`,

  // outcome null: owed.
  sql`create table notifications (
    notice_no bigint generated always as identity primary key,
    thread_no bigint not null references threads on delete cascade,
    seq bigint not null,
    run_id text not null,
    user_id text collate "C" not null,
    type text not null,
    time bigint not null,
    outcome text,
    settled_at bigint,
    unique (thread_no, seq)
  )`,
  sql`create index notifications_owed on notifications (notice_no) where outcome is null`,
  sql`create index notifications_owed_by_thread on notifications (thread_no, seq) where outcome is null`,
  sql`create index notifications_settled on notifications (settled_at) where outcome is not null`,
];

export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
