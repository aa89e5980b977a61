import Database from 'better-sqlite3';

import { ThreadcastError } from '../../errors/index.js';
import type { KnownRows } from './known-rows.js';
import { storageError } from './storage-error.js';

/** One connection to the database file. Stores are made on it before it is open. */
export class SqliteConnection {
  /** Null: others change the rows that this connection sees, so each is asked for. */
  readonly known: KnownRows | null = null;
  #db: Database.Database | null = null;

  /** Throws what the driver throws. */
  open(file: string, options: Database.Options, pragmas: readonly string[]): void {
    const db = new Database(file, options);
    this.#db = db;
    for (const pragma of pragmas) db.pragma(pragma);
  }

  /** Closing twice does nothing. An open transaction is rolled back. */
  close(): void {
    this.#db?.close();
    this.#db = null;
  }

  /** The open handle. Throws `storage_unavailable` before `open` and after `close`. */
  get db(): Database.Database {
    if (this.#db === null) throw new ThreadcastError('storage_unavailable', { message: 'The storage is not open.' });
    return this.#db;
  }

  /** The handle, if statements of stores may run on it now. */
  ready(): Database.Database {
    return this.db;
  }
}

/** The statements of one store on one connection, prepared at first use and kept. */
export class Prepared<S> {
  #statements: S | null = null;

  constructor(
    private readonly connection: SqliteConnection,
    private readonly prepare: (db: Database.Database) => S,
  ) {}

  /**
   * Runs `work` without giving way, so that no commit of this process falls between its statements: what it
   * reads is of one moment. Rejects with `storage_unavailable` when the disk fails.
   */
  async use<T>(work: (statements: S) => T): Promise<T> {
    try {
      const db = this.connection.ready();
      return work((this.#statements ??= this.prepare(db)));
    } catch (error) {
      throw storageError(error);
    }
  }
}
