import type Database from 'better-sqlite3';

import { ThreadcastError } from '../../errors/index.js';
import type { WalState } from './checkpoint-thread.js';
import { SqliteConnection } from './connection.js';
import { KnownRows } from './known-rows.js';
import { storageError } from './storage-error.js';

type CheckpointRow = [busy: number, pages: number, copied: number];

/**
 * The one connection that writes, and only inside a transaction. A transaction may span turns of the event loop;
 * there is one at a time.
 *
 * On some disk errors SQLite rolls back by itself. Statements after that would commit one by one, so they
 * are refused until the transaction has been given up.
 */
export class SqliteWriter extends SqliteConnection {
  override readonly known = new KnownRows();
  readonly #commands = new Map<string, Database.Statement<[]>>();
  #open = false;
  #depth = 0;
  #noop: Database.Statement<[], CheckpointRow> | null = null;
  #passive: Database.Statement<[], CheckpointRow> | null = null;

  get inTransaction(): boolean {
    return this.#open;
  }

  override ready(): Database.Database {
    if (!this.#open) throw new Error('A store was used after the end of its transaction.');
    const db = this.db;
    if (!db.inTransaction) {
      throw new ThreadcastError('storage_unavailable', { message: 'The transaction was rolled back by the disk.' });
    }
    return db;
  }

  /** Runs `work` between BEGIN and COMMIT. Rolls back when any of them fails. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    if (this.#open) throw new Error('A transaction was begun while another one is open.');
    this.#begin();
    try {
      const result = await work();
      if (this.#depth !== 0) throw new Error('A transaction was ended before its savepoints.');
      this.#run('COMMIT');
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    } finally {
      this.#open = false;
      this.#depth = 0;
    }
  }

  /** Savepoints nest; two of them side by side would undo each other's writes, which is a defect. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const depth = this.#depth + 1;
    this.#run(`SAVEPOINT s${depth}`);
    this.#depth = depth;
    try {
      const result = await work();
      this.#leave(depth);
      this.#run(`RELEASE s${depth}`);
      return result;
    } catch (error) {
      if (this.#depth === depth) {
        this.#leave(depth);
        this.#undo(depth);
      }
      throw error;
    }
  }

  /** A statement outside of transactions; it commits by itself. Not while a transaction is open. Throws `storage_unavailable`. */
  alone(statement: string): void {
    if (this.#open) throw new Error('A statement of its own was run inside a transaction.');
    try {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      this.db.exec(statement);
    } catch (error) {
      throw storageError(error);
    }
  }

  /** The write-ahead log as it is. Not while a transaction is open. */
  wal(): WalState {
    this.#noop ??= this.db.prepare<[], CheckpointRow>('pragma wal_checkpoint(NOOP)').raw();
    return stateOf(this.#noop.get());
  }

  /** Copies the write-ahead log into the database file, as far as readers of older states let it. Not while a transaction is open. */
  checkpoint(): WalState {
    this.#passive ??= this.db.prepare<[], CheckpointRow>('pragma wal_checkpoint(PASSIVE)').raw();
    return stateOf(this.#passive.get());
  }

  #leave(depth: number): void {
    if (this.#depth !== depth) throw new Error('A savepoint ended before one that was begun inside it.');
    this.#depth = depth - 1;
  }

  /** Where SQLite has rolled back everything there is nothing to undo, and the work's own error is to be told. */
  #undo(depth: number): void {
    this.known.forget();
    if (!this.db.inTransaction) return;
    this.#run(`ROLLBACK TO s${depth}`);
    this.#run(`RELEASE s${depth}`);
  }

  #begin(): void {
    try {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
      this.#command('BEGIN IMMEDIATE').run();
    } catch (error) {
      throw storageError(error);
    }
    this.#open = true;
  }

  #run(command: string): void {
    try {
      this.ready();
      this.#command(command).run();
    } catch (error) {
      throw storageError(error);
    }
  }

  /** Prepared once: a busy system gives the same few again for every commit. */
  #command(command: string): Database.Statement<[]> {
    const present = this.#commands.get(command);
    if (present !== undefined) return present;
    const prepared = this.db.prepare<[]>(command);
    this.#commands.set(command, prepared);
    return prepared;
  }

  /** A ROLLBACK that fails must not hide why it was needed; the next BEGIN repeats it. */
  #rollback(): void {
    this.known.forget();
    try {
      if (this.db.inTransaction) this.db.exec('ROLLBACK');
    } catch {
      return;
    }
  }
}

function stateOf(row: CheckpointRow | undefined): WalState {
  const [, pages = -1, copied = -1] = row ?? [];
  if (pages < 0) throw new Error('another connection is copying it');
  return { pages, copied };
}
