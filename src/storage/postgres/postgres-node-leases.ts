import { type LapsedNode, NodeLeases, type ReadyRuns, type WaitingRuns } from '../node-leases.js';
import type { RunPlace } from '../records.js';
import type { Queries } from './connection.js';
import { PLACE, type PlaceRow, TAKEN, toRunPlace, UNFINISHED } from './run-rows.js';
import { toText } from './text.js';

/** A node that was given up comes back at most so late that it still finds its row, and others find its runs by it. */
const KEPT = `interval '1 hour'`;

const OVER = 'released or expires_at < clock_timestamp()';
const HAS_RUNS = `exists (select 1 from runs where runs.node = nodes.node and ${UNFINISHED} and thread_no is not null)`;

const RENEW = `insert into nodes (node, expires_at) values ($1, clock_timestamp() + $2 * interval '1 millisecond')
  on conflict (node) do update set expires_at = excluded.expires_at where not nodes.released
  returning 1`;
const RELEASE = `insert into nodes (node, expires_at, released) values ($1, clock_timestamp(), true)
  on conflict (node) do update set expires_at = excluded.expires_at, released = true`;
const FORGET = `delete from nodes where expires_at < clock_timestamp() - ${KEPT} and not ${HAS_RUNS}`;
const LAPSED = `select node, released from nodes where (${OVER}) and ${HAS_RUNS} order by expires_at`;
const HELD = `select ${PLACE} from runs where node = $1 and ${UNFINISHED} and thread_no is not null order by run_no limit $2`;
const NOBODYS = `select ${PLACE} from runs
  where node is null and status in ('running', 'waiting_input') and thread_no is not null order by run_no limit $1`;

const WAITING = `select count(*) as runs from (
    select 1 from runs where status = 'queued' and node is null and thread_no is not null limit $1
  ) as waiting`;

/** The last one that was looked at comes too, ready or not: the next page begins behind it. */
function ready(which: string): string {
  return `with waiting as materialized (
      select run_no, thread_no, ${PLACE} from runs
      where status = 'queued' and node is null and thread_no is not null and ${which} order by run_no limit $2
    ), users as materialized (
      select user_id from (select distinct user_id from waiting where not external) as named
      where (select count(*) from runs where runs.user_id = named.user_id and not external and ${TAKEN}) >= $3
    ), judged as (
      select waiting.*, (external or user_id not in (select user_id from users)) and (policy = 'parallel' or (
          not exists (select 1 from runs as other where other.thread_no = waiting.thread_no and ${taken('other')})
          and not exists (
            select 1 from runs as other where other.thread_no = waiting.thread_no and other.status = 'queued'
              and other.policy <> 'parallel'
              and (other.position, other.run_no) < (waiting.position, waiting.run_no))
        )) as ready from waiting
    )
    select run_no, ready, (select count(*) from waiting) as looked_at, ${PLACE} from judged
    where ready or run_no = (select max(run_no) from waiting) order by run_no`;
}

function taken(alias: string): string {
  return TAKEN.replaceAll(/\b(status|node)\b/g, `${alias}.$1`);
}

const READY_OF_THREAD = ready('thread_no = (select thread_no from threads where thread_id = $1)');
const READY_OF_USER = ready('user_id = $1');
const READY_OF_ALL = ready('run_no > $1');

interface JudgedRow extends PlaceRow {
  run_no: number;
  ready: boolean;
  looked_at: number;
}

/**
 * Each statement commits by itself, and waits for no transaction. The lease is kept on connections of its own: those that
 * read may all be busy, or one of them silent, and neither says anything of whether this node lives.
 */
export class PostgresNodeLeases extends NodeLeases {
  constructor(
    private readonly queries: Queries,
    private readonly keeping: Queries,
  ) {
    super();
  }

  override async renew(node: string, leaseMs: number): Promise<boolean> {
    return (await this.keeping.rows(RENEW, [node, leaseMs])).length > 0;
  }

  override async forget(): Promise<void> {
    await this.queries.rows(FORGET);
  }

  override async release(node: string): Promise<void> {
    await this.keeping.rows(RELEASE, [node]);
  }

  override lapsed(): Promise<readonly LapsedNode[]> {
    return this.queries.rows<LapsedNode>(LAPSED);
  }

  override async held(node: string | null, limit: number): Promise<readonly RunPlace[]> {
    const [statement, values] = node === null ? [NOBODYS, [limit]] : [HELD, [node, limit]];
    return (await this.queries.rows<PlaceRow>(statement, values)).map(toRunPlace);
  }

  override async waiting(atMost: number): Promise<number> {
    const [row] = await this.queries.rows<{ runs: number }>(WAITING, [atMost]);
    return row?.runs ?? 0;
  }

  override async ready(waiting: WaitingRuns, maxPerUser: number, limit: number): Promise<ReadyRuns> {
    const [statement, of] = asked(waiting);
    const rows = await this.queries.rows<JudgedRow>(statement, [of, limit, maxPerUser]);
    const last = rows.at(-1);
    return {
      runs: rows.filter((row) => row.ready).map(toRunPlace),
      next: last === undefined || last.looked_at < limit ? null : last.run_no,
    };
  }
}

function asked(waiting: WaitingRuns): [statement: string, of: string | number] {
  if ('threadId' in waiting) return [READY_OF_THREAD, waiting.threadId];
  if ('userId' in waiting) return [READY_OF_USER, toText(waiting.userId)];
  return [READY_OF_ALL, waiting.after];
}
