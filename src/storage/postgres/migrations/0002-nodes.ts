import { type Kysely, type Migration, sql } from 'kysely';

/**
 * Whose a run is, and which nodes live. The lease is the node's, in a table of its own: renewing it touches one row, and
 * none of `runs`. The indexes hold unfinished runs alone.
 */
const STATEMENTS = [
  sql`create table nodes (
    node text collate "C" primary key,
    expires_at timestamptz not null,
    released boolean not null default false
  ) with (fillfactor = 50)`,
  sql`alter table runs add column node text collate "C"`,
  sql`create index runs_of_node on runs (node, run_no)
    where node is not null and status in ('queued', 'running', 'waiting_input')`,
  sql`create index runs_of_nobody on runs (run_no) where node is null and status in ('running', 'waiting_input')`,
  sql`create index runs_waiting on runs (run_no) where status = 'queued' and node is null`,
  sql`create index runs_waiting_by_user on runs (user_id, run_no) where status = 'queued' and node is null`,
  sql`create index runs_taken_by_user on runs (user_id)
    where not external and status in ('queued', 'running', 'waiting_input') and not (status = 'queued' and node is null)`,
];

export const nodes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const statement of STATEMENTS) await statement.execute(db);
  },
};
