import type pg from 'pg';

import { Storage, type Transaction } from '../storage.js';
import { clientConfig, KEEPER, PostgresReader, type PostgresOptions } from './connection.js';
import { lockAll, lockFree } from './locks.js';
import { migrate } from './migrate.js';
import { PostgresEventLog } from './postgres-event-log.js';
import { PostgresNodeLeases } from './postgres-node-leases.js';
import { PostgresNotificationStore } from './postgres-notification-store.js';
import { PostgresRunStore } from './postgres-run-store.js';
import { PostgresThreadStore } from './postgres-thread-store.js';
import { Session } from './session.js';
import { isGivenWay, isHeldElsewhere, reason, sqlState, unavailable } from './storage-error.js';
import { PostgresWriter } from './writer.js';

/** How long a start waits for the lock: the connections of a process that was killed end within moments. */
const LOCK_WAIT_MS = 2_000;
/** Later rows than that of a process without connections, beyond which it is taken to be gone. */
const KEPT_WRITERS = 100;

const LOCK_NOT_AVAILABLE = '55P03';

/** Of one transaction, each time that it has given way to another process's. */
const MAX_TRIES = 5;

/**
 * How long a transaction waits for what another one holds. Scenario: a node was frozen inside a transaction. Whoever
 * waits for its threads keeps all others waiting who are in the same batch, so it goes on with what is free.
 */
const HELD_MS = 500;
/** Together longer than a transaction may be idle: whoever is frozen is given up by the server first. */
const MAX_HELD_TRIES = 20;
/** No transaction of a process at work is ever idle for so long. */
const IDLE_MS = 5_000;

const IN_USE =
  'it is in use by another Threadcast. Stop that one, use another database, or start all with the same REDIS_URL';
const IN_USE_ALONE =
  'it is in use by another Threadcast that has no REDIS_URL. Stop that one, start all with the same REDIS_URL, or use another database';

const FENCED = 'Another process has taken the database over. This one has to be started again.';

/**
 * One schema of a PostgreSQL database: connections that read, one that writes, and one that holds the lock which keeps
 * other processes out and which the server drops with the connection. A process that is one of several holds it
 * together with them: only one that would be alone is kept out, and it keeps all of them out.
 *
 * The lock says who may start. What keeps a process that has lost it from writing is its row in `writers`: every commit
 * needs a row that is not fenced, and whoever takes the lock fences those before that had no right beside it: all of
 * them, or where it shares, those of processes that did not.
 */
export class PostgresStorage extends Storage {
  readonly #options: PostgresOptions;
  readonly #reader = new PostgresReader();
  readonly #keeper = new PostgresReader(KEEPER);
  readonly #writer = new PostgresWriter();
  #lock: Session | null = null;
  #writing: Session | null = null;
  #writerNo = 0;
  #takesFree = false;

  override readonly events = new PostgresEventLog(this.#reader);
  override readonly threads = new PostgresThreadStore(this.#reader);
  override readonly runs = new PostgresRunStore(this.#reader);
  override readonly notifications = new PostgresNotificationStore(this.#reader);

  override readonly leases = new PostgresNodeLeases(this.#reader, this.#keeper);

  readonly #transaction: Transaction = {
    events: new PostgresEventLog(this.#writer),
    threads: new PostgresThreadStore(this.#writer),
    runs: new PostgresRunStore(this.#writer),
    notifications: new PostgresNotificationStore(this.#writer),
    lock: (threadIds, userIds = []) => (this.#takesFree ? lockFree : lockAll)(this.#writer, threadIds, userIds),
    savepoint: (work) => this.#writer.savepoint(work),
  };

  constructor(options: PostgresOptions) {
    super();
    this.#options = options;
  }

  override async open(): Promise<void> {
    const config = clientConfig(this.#options);
    try {
      this.#reader.open(this.#options);
      this.#keeper.open(this.#options);
      // Of this instance alone, so that it ends no connections but its own.
      const [named] = await this.#reader.rows<{ token: string }>('select gen_random_uuid()::text as token');
      const token = named?.token ?? '';
      const { isShared = false } = this.#options;
      this.#lock = new Session(config, `threadcast lock ${token}`, (session) => takeLock(session, config, isShared));
      await this.#lock.connect();
      await migrate(this.#options);
      const idleMs = Math.min(IDLE_MS, Number(config.idle_in_transaction_session_timeout));
      const heldMs = Math.min(HELD_MS, Math.floor(Number(config.statement_timeout) / 2));
      const writing = { ...config, idle_in_transaction_session_timeout: idleMs };
      this.#writing = new Session(writing, `threadcast writer ${token}`, (session) => prepareWriter(session, heldMs));
      await this.#writing.connect();
      this.#writerNo = await register(this.#writing, token, isShared);
      await waitForLocks(this.#writing, heldMs);
      this.#writer.use(this.#writing);
    } catch (error) {
      await this.close();
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw new Error(`The database ${this.#address()} cannot be opened: ${reason(cause)}.`, { cause: error });
    }
  }

  override async close(): Promise<void> {
    const [lock, writing] = [this.#lock, this.#writing];
    this.#lock = this.#writing = null;
    this.#writer.use(null);
    await Promise.all([this.#reader.close(), this.#keeper.close()]);
    await writing?.close();
    // Last: whoever comes after this finds nobody at work.
    await lock?.close();
  }

  override async transact<T>(batchId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    await this.#lock?.connect();
    this.#takesFree = false;
    for (let tries = 1, held = 0; ;) {
      try {
        return await this.#writer.transaction(
          () => work(this.#transaction),
          () => this.#seal(batchId),
        );
      } catch (error) {
        if (isHeldElsewhere(error) && held < MAX_HELD_TRIES) {
          held += 1;
          this.#takesFree = true;
        } else if (isGivenWay(error) && tries < MAX_TRIES) tries += 1;
        else throw error;
      }
    }
  }

  async #seal(batchId: string): Promise<void> {
    const sealed = await this.#writer.rows(
      'update writers set batch_id = $1 where writer_no = $2 and not fenced returning 1',
      [batchId, this.#writerNo],
    );
    if (sealed.length === 0) throw unavailable(FENCED);
  }

  /**
   * Waits for the transaction that has written the row, if the server is still about it: a COMMIT that was sent on a
   * connection which was cut off then may yet succeed, and "no" would be wrong a moment later.
   */
  override async wasCommitted(batchId: string): Promise<boolean> {
    if (this.#writing?.connected === false) await this.#writing.connect();
    const rows = await this.#reader.rows<{ batch_id: string }>(
      'select batch_id from writers where writer_no = $1 for update',
      [this.#writerNo],
    );
    if (rows[0] === undefined) throw unavailable(FENCED);
    return rows[0].batch_id === batchId;
  }

  /** Whether the server answers and takes writes, the lock is held, and no other process has taken over. */
  override async check(): Promise<void> {
    await this.#lock?.connect();
    const [state] = await this.#reader.rows<{ fenced: boolean | null; read_only: boolean }>(
      `select (select fenced from writers where writer_no = $1) as fenced,
        pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only`,
      [this.#writerNo],
    );
    if (state?.fenced !== false) throw unavailable(FENCED);
    if (state.read_only) throw unavailable('The database takes no writes.');
  }

  override describe(): string {
    return `PostgreSQL at ${this.#address()}`;
  }

  #address(): string {
    const { hostname, port, pathname } = new URL(this.#options.url);
    return `${hostname === '' ? 'localhost' : hostname}${port === '' ? '' : `:${port}`}${pathname}`;
  }
}

const KEEPALIVES = `set_config('tcp_keepalives_idle', '10', false),
  set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`;

/** One for each schema: what is refused is a second process on the same tables. */
async function takeLock(session: Session, { statement_timeout }: pg.ClientConfig, isShared: boolean): Promise<void> {
  const waitMs = Math.min(LOCK_WAIT_MS, Math.floor(Number(statement_timeout) / 2));
  // A process whose machine is gone says no goodbye: the server asks it, so that the lock does not stay for hours.
  await session.rows(`select set_config('lock_timeout', '${waitMs}', false), ${KEEPALIVES}`);
  try {
    const take = isShared ? 'pg_advisory_lock_shared' : 'pg_advisory_lock';
    await session.rows(`select ${take}(hashtext('threadcast'), hashtext(current_schema()))`);
  } catch (error) {
    if (!(error instanceof Error) || sqlState(error.cause) !== LOCK_NOT_AVAILABLE) throw error;
    throw unavailable(isShared ? IN_USE_ALONE : IN_USE);
  }
}

async function waitForLocks(session: Session, atMostMs: number): Promise<void> {
  await session.rows(`select set_config('lock_timeout', '${atMostMs}', false)`);
}

/** A commit that was answered has to survive the loss of power; whatever is stricter stays. */
async function prepareWriter(session: Session, heldMs: number): Promise<void> {
  await session.rows(`select set_config('lock_timeout', '${heldMs}', false), ${KEEPALIVES}`);
  await session.rows(
    `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
  );
}

/** Fences those who have no right beside it, waiting for a commit of theirs that is under way. */
async function register(session: Session, token: string, isShared: boolean): Promise<number> {
  await waitForLocks(session, 0);
  await session.rows('update writers set fenced = true where not fenced and not (shared and $1)', [isShared]);
  const [made] = await session.rows<{ writer_no: number }>(
    `insert into writers (batch_id, shared, session) values ('', $1, $2) returning writer_no`,
    [isShared, token],
  );
  const writerNo = made?.writer_no ?? 0;
  await session.rows(
    `delete from writers where writer_no < $1 and not exists (
      select 1 from pg_stat_activity where application_name like 'threadcast %' || writers.session
    )`,
    [writerNo - KEPT_WRITERS],
  );
  return writerNo;
}
