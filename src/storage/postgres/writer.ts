import type { Queries } from './connection.js';
import type { Session } from './session.js';
import { unavailable } from './storage-error.js';

/**
 * Transactions on the one connection that writes; one at a time. A connection that is lost takes its transaction with
 * it, and statements that come after that are refused: on another connection they would commit alone.
 */
export class PostgresWriter implements Queries {
  #session: Session | null = null;
  #open = false;
  #depth = 0;
  /** The statement before: the driver takes one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  use(session: Session | null): void {
    this.#session = session;
  }

  /** Runs `work` between BEGIN and COMMIT, `seal` just before the COMMIT. Rolls back when any of them fails. */
  async transaction<T>(work: () => Promise<T>, seal: () => Promise<void>): Promise<T> {
    const session = this.#session;
    if (session === null) throw unavailable('The storage is not open.');
    if (this.#open) throw new Error('A transaction was begun while another one is open.');
    this.#open = true;
    try {
      await session.connect();
      await session.command('BEGIN ISOLATION LEVEL READ COMMITTED');
      const result = await work();
      if (this.#depth !== 0) throw new Error('A transaction was ended before its savepoints.');
      await seal();
      // Where a statement has failed and nobody minded, the server rolls back and calls it no error.
      if ((await this.#command('COMMIT')) !== 'COMMIT')
        throw new Error('The transaction was rolled back by the server.');
      return result;
    } catch (error) {
      await this.#rollback(session);
      throw error;
    } finally {
      this.#open = false;
      this.#depth = 0;
    }
  }

  /** Savepoints nest; two of them side by side would undo each other's writes, which is a defect. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const depth = this.#depth + 1;
    this.#depth = depth;
    await this.#command(`SAVEPOINT s${depth}`);
    try {
      const result = await work();
      this.#leave(depth);
      await this.#command(`RELEASE s${depth}`);
      return result;
    } catch (error) {
      if (this.#depth === depth) {
        this.#leave(depth);
        await this.#undo(depth);
      }
      throw error;
    }
  }

  rows<R extends object>(statement: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.#inTurn((session) => session.rows<R>(statement, values));
  }

  #command(statement: string): Promise<string> {
    return this.#inTurn((session) => session.command(statement));
  }

  #inTurn<T>(ask: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#session;
    if (!this.#open || session === null) {
      return Promise.reject(new Error('A store was used after the end of its transaction.'));
    }
    const answer = this.#last.then(() => ask(session));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  #leave(depth: number): void {
    if (this.#depth !== depth) throw new Error('A savepoint ended before one that was begun inside it.');
    this.#depth = depth - 1;
  }

  /** Where the connection is lost there is nothing to undo, and the work's own error is to be told. */
  async #undo(depth: number): Promise<void> {
    if (this.#session?.connected !== true) return;
    await this.#command(`ROLLBACK TO s${depth}`);
    await this.#command(`RELEASE s${depth}`);
  }

  /** A ROLLBACK that fails must not hide why it was needed; without the connection the server does it. */
  async #rollback(session: Session): Promise<void> {
    if (!session.connected) return;
    await this.#command('ROLLBACK').catch(() => session.drop());
  }
}
