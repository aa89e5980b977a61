import { Socket } from 'node:net';

import pg from 'pg';

import { storageError, unavailable } from './storage-error.js';

export interface PostgresOptions {
  /** As `DATABASE_URL`. */
  readonly url: string;
  /** Whether other processes that say so too may be at work on it at the same time. */
  readonly isShared?: boolean;
  /** After which a statement is given up, by the server and then here. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
const READERS = 8;
/** One that answers, and others for the tries made while it does not. */
const KEEPERS = 3;
/** Of what is worth something only at once. */
const KEEPER_TIMEOUT_MS = 1_500;
const CLOSE_MS = 1_000;

/** Where the statements of a store run. */
export interface Queries {
  /** One statement; its rows. Rejects with `storage_unavailable` where the server does not answer. */
  rows<R extends object>(statement: string, values?: readonly unknown[]): Promise<R[]>;
}

/** Numbers of the catalogue of types: bigint, which the driver leaves as text. All of ours are safe integers. */
const BIGINT = 20;

function types(): pg.TypeOverrides {
  const overrides = new pg.TypeOverrides();
  overrides.setTypeParser(BIGINT, Number);
  return overrides;
}

/** For every connection of one storage. */
export function clientConfig({ url, timeoutMs = DEFAULT_TIMEOUT_MS }: PostgresOptions): pg.ClientConfig {
  return {
    connectionString: url,
    types: types(),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
    statement_timeout: timeoutMs,
    // Behind the server's own: that one is heard of, this one is for a connection that has gone silent.
    query_timeout: timeoutMs + Math.min(1_000, timeoutMs),
    idle_in_transaction_session_timeout: 2 * timeoutMs,
  };
}

/** How many connections a pool has at most, under which name the server knows them, and when they are given up. */
interface PoolTerms {
  readonly name: string;
  readonly max: number;
  readonly timeoutMs: number;
}

const READER: PoolTerms = { name: 'threadcast reader', max: READERS, timeoutMs: DEFAULT_TIMEOUT_MS };

/** For the lease of a node: a silent connection is given up long before the lease is over. */
export const KEEPER: PoolTerms = { name: 'threadcast keeper', max: KEEPERS, timeoutMs: KEEPER_TIMEOUT_MS };

/**
 * Connections whose statements commit by themselves, and which see what is committed. A broken one is left, and another one
 * made when it is needed.
 */
export class PostgresReader implements Queries {
  #pool: pg.Pool | null = null;
  readonly #sockets = new Set<Socket>();

  constructor(private readonly terms: PoolTerms = READER) {}

  open(options: PostgresOptions): void {
    const { name, max, timeoutMs } = this.terms;
    const config = clientConfig({ ...options, timeoutMs: Math.min(timeoutMs, options.timeoutMs ?? timeoutMs) });
    this.#pool = new pg.Pool({ ...config, max, application_name: name, stream: () => this.#socket() });
    // A connection that breaks while nobody uses it. Whoever asks next gets another one, or an error of its own.
    this.#pool.on('error', () => undefined);
  }

  /** Closing twice does nothing. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    // Where nobody hears the goodbye, it is not waited for.
    for (const socket of this.#sockets) socket.setTimeout(CLOSE_MS, () => socket.destroy());
    await pool?.end();
  }

  async rows<R extends object>(statement: string, values: readonly unknown[] = []): Promise<R[]> {
    if (this.#pool === null) throw unavailable('The storage is not open.');
    try {
      return (await this.#pool.query<R>(statement, [...values])).rows;
    } catch (error) {
      throw storageError(error);
    }
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
