import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type Database from 'better-sqlite3';

import { Metrics } from '../../metrics/index.js';
import { Storage, type Transaction } from '../storage.js';
import { CheckpointThread, type CopyListener } from './checkpoint-thread.js';
import { Checkpoints, type CheckpointLimits } from './checkpoints.js';
import { Prepared, SqliteConnection } from './connection.js';
import { reason, takeDataDir } from './data-dir.js';
import { migrate } from './migrate.js';
import { SqliteEventLog } from './sqlite-event-log.js';
import { SqliteNotificationStore } from './sqlite-notification-store.js';
import { SqliteRunStore } from './sqlite-run-store.js';
import { SqliteThreadStore } from './sqlite-thread-store.js';
import { SqliteWriter } from './writer.js';

export interface SqliteOptions {
  /** Where the files lie; made where it is missing. One process at a time. */
  readonly dataDir: string;
  /** Where its checkpoints are counted. */
  readonly metrics?: Metrics;
  readonly checkpoints?: Partial<CheckpointLimits>;
}

/** How long a connection waits for a lock of somebody who looks at the file by other means. */
const BUSY_TIMEOUT_MS = 250;

/**
 * One SQLite file in WAL mode, with one connection that writes and one that reads: what is read is committed,
 * also while a transaction is open. `synchronous = FULL`: a commit survives the loss of power, not only of the process.
 */
export class SqliteStorage extends Storage {
  readonly #dataDir: string;
  readonly #file: string;
  readonly #reader = new SqliteConnection();
  readonly #writer = new SqliteWriter();
  readonly #checks = new Prepared(this.#reader, (db) => db.prepare('select checks from writers'));
  readonly #checkpoints: Checkpoints;
  #lock: Database.Database | null = null;
  #closed: Promise<void> | null = null;
  #lastCommitted: string | null = null;

  override readonly events = new SqliteEventLog(this.#reader);
  override readonly threads = new SqliteThreadStore(this.#reader);
  override readonly runs = new SqliteRunStore(this.#reader);
  override readonly notifications = new SqliteNotificationStore(this.#reader);

  override readonly leases = null;

  readonly #transaction: Transaction = {
    events: new SqliteEventLog(this.#writer),
    threads: new SqliteThreadStore(this.#writer),
    runs: new SqliteRunStore(this.#writer),
    notifications: new SqliteNotificationStore(this.#writer),
    // There is one writer, and it holds the whole file.
    lock: () => Promise.resolve({ threadIds: new Set(), userIds: new Set() }),
    savepoint: (work) => this.#writer.savepoint(work),
  };

  constructor(options: SqliteOptions) {
    super();
    this.#dataDir = resolve(options.dataDir);
    this.#file = join(this.#dataDir, 'threadcast.sqlite');
    const { metrics = new Metrics(), checkpoints = {} } = options;
    const thread = (listener: CopyListener): CheckpointThread => new CheckpointThread(this.#file, listener);
    this.#checkpoints = new Checkpoints(this.#writer, thread, metrics, checkpoints);
  }

  override async open(): Promise<void> {
    this.#lock = takeDataDir(this.#dataDir);
    try {
      // Made here, after the lock: SQLite would make it readable for everybody.
      closeSync(openSync(this.#file, 'a', 0o600));
      // secure_delete: what is deleted is overwritten, so that a deleted thread's content is in the file no more.
      const pragmas = ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON', 'secure_delete = ON'];
      const log = ['wal_autocheckpoint = 0', `journal_size_limit = ${this.#checkpoints.mostBytes}`];
      this.#writer.open(this.#file, { timeout: BUSY_TIMEOUT_MS }, [...pragmas, ...log]);
      await migrate(this.#file);
      this.#reader.open(this.#file, { readonly: true, timeout: BUSY_TIMEOUT_MS }, []);
      this.#writer.db.exec(`delete from writers; insert into writers (batch_id) values ('')`);
    } catch (error) {
      await this.close();
      throw new Error(`The database ${this.#file} cannot be opened: ${reason(error)}.`, { cause: error });
    }
  }

  override close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  override async transact<T>(batchId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const room = this.#checkpoints.room();
    if (room !== null) await room;
    const result = await this.#writer.transaction(() => work(this.#transaction));
    this.#lastCommitted = batchId;
    this.#checkpoints.committed();
    return result;
  }

  /** The engine is in this process: no answer to a COMMIT is lost on the way, and what it says is all there is to know. */
  override async wasCommitted(batchId: string): Promise<boolean> {
    this.#reader.ready();
    return this.#lastCommitted === batchId;
  }

  /** Writes to the disk; while a transaction is open, which does that, it reads. */
  override async check(): Promise<void> {
    if (this.#writer.inTransaction) await this.#checks.use((checks) => checks.get());
    else {
      this.#writer.alone('update writers set checks = checks + 1');
      this.#checkpoints.committed();
    }
  }

  override describe(): string {
    return `SQLite in ${this.#file}`;
  }

  /** The connection that is closed last, the thread's where there is one, copies what is left of the log and removes it. */
  async #close(): Promise<void> {
    this.#reader.close();
    this.#writer.close();
    await this.#checkpoints.close();
    this.#lock?.close();
    this.#lock = null;
  }
}
