import { Socket } from 'node:net';

import pg from 'pg';

import type { Queries } from './connection.js';
import { isLost, storageError, unavailable } from './storage-error.js';

/**
 * One connection that is a process's own, under a name by which the server knows it again. Once lost it stays away until
 * `connect`, which first ends what the server still holds of it: a connection that was cut off may go on there, with
 * its locks, for as long as nobody tells the server.
 */
export class Session implements Queries {
  #client: pg.Client | null = null;
  #socket: Socket | null = null;
  #connecting: Promise<void> | null = null;

  constructor(
    private readonly config: pg.ClientConfig,
    private readonly name: string,
    private readonly prepare: (session: Session) => Promise<void>,
  ) {}

  get connected(): boolean {
    return this.#client !== null;
  }

  /** Does nothing where it is connected. Who comes while it connects waits for that. */
  async connect(): Promise<void> {
    if (this.#client !== null && this.#connecting === null) return;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = null));
    await this.#connecting;
  }

  async rows<R extends object>(statement: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await this.#query<R>(statement, values)).rows;
  }

  /** A statement without rows; what the server says that it has done. */
  async command(statement: string): Promise<string> {
    return (await this.#query(statement, [])).command;
  }

  /** Leaves the connection: what was open on it is rolled back by the server. */
  drop(): void {
    this.#client = null;
    this.#socket?.destroy();
    this.#socket = null;
  }

  async close(): Promise<void> {
    const [client, socket] = [this.#client, this.#socket];
    this.#client = this.#socket = null;
    // Where nobody hears the goodbye, it is not waited for.
    socket?.setTimeout(CLOSE_MS, () => socket.destroy());
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const socket = new Socket();
    const client = new pg.Client({ ...this.config, application_name: this.name, stream: () => socket });
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    try {
      await client.connect();
      [this.#client, this.#socket] = [client, socket];
      await this.rows(END_EARLIER, [this.name]);
      await this.prepare(this);
    } catch (error) {
      socket.destroy();
      this.#lose(client);
      throw storageError(error);
    }
  }

  async #query<R extends object>(statement: string, values: readonly unknown[]): Promise<pg.QueryResult<R>> {
    const client = this.#client;
    if (client === null) throw unavailable('The connection to the database was lost.');
    try {
      // Without values in the simple protocol, in which a statement and its end are one message.
      return values.length === 0 ? await client.query<R>(statement) : await client.query<R>(statement, [...values]);
    } catch (error) {
      if (isLost(error) && this.#client === client) this.drop();
      throw storageError(error);
    }
  }

  #lose(client: pg.Client): void {
    if (this.#client === client) this.#client = null;
  }
}

const CLOSE_MS = 1_000;

const END_EARLIER = `select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = $1 and pid <> pg_backend_pid() and datname = current_database() and usename = current_user`;
