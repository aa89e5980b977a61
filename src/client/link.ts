import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client';

import type { Answer, Answers, RequestType, ServerEvents } from '../protocol/index.js';
import { ThreadcastClientError } from './client-error.js';
import { backoff, later, now } from './surroundings.js';
import type { ThreadcastSocket } from './wire.js';

/** A token, or what gives a fresh one each time it is asked: before each connection, and before the present one expires. */
export type TokenSource = string | (() => string | Promise<string>);

export interface LinkOptions {
  /** Where the server is, as `https://host`. */
  readonly url: string;
  readonly token: TokenSource;
  /** How long before its end a token is renewed; at most half of its life. Default 60 000. */
  readonly renewBeforeMs?: number;
  /** Of `socket.io-client`, beside what is set here. */
  readonly socket?: Partial<ManagerOptions & SocketOptions>;
}

/** `failed`: the server has ended the connection for good, and nothing more is tried. `closed`: you have closed it. */
export type LinkStatus = 'connecting' | 'ready' | 'reconnecting' | 'failed' | 'closed';

export interface LinkState {
  readonly status: LinkStatus;
  readonly connectionId: string | null;
  readonly userId: string | null;
  /** The last thing that went wrong with the connection or its token; null once it is ready again. */
  readonly error: ThreadcastClientError | null;
  /** How often it has been ready. */
  readonly connections: number;
  /** How often the token of a live connection was renewed. */
  readonly renewals: number;
}

/** Told of what happens to the connection. */
export interface LinkEvents {
  changed(): void;
  ready(): void;
  gone(): void;
  failed(error: ThreadcastClientError): void;
}

const LEAST_MS = 1_000;

/** One connection after the other, each with a token: whatever the network does, until it is closed or refused for good. */
export class Link {
  readonly socket: ThreadcastSocket;
  #state: LinkState = {
    status: 'connecting',
    connectionId: null,
    userId: null,
    error: null,
    connections: 0,
    renewals: 0,
  };
  /** What the server said about the end of this connection. */
  #ending: ServerEvents['exception'] | null = null;
  /** Fences what belongs to a connection that has gone. */
  #generation = 0;
  #renewal: (() => void) | null = null;
  #return: (() => void) | null = null;
  #tries = 0;

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.socket = io(options.url, {
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 5_000,
      forceNew: true,
      ...options.socket,
      auth: (give) => void this.#authenticate(give),
    });
    this.#listen();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Sends on the present connection; false: there is none that is ready, and nothing was sent. */
  emit(type: RequestType, payload: object, answered: (answer: Answer) => void): boolean {
    if (this.#state.status !== 'ready') return false;
    this.socket.emit(type, payload, answered);
    return true;
  }

  close(): void {
    this.#end('closed', null);
  }

  #listen(): void {
    const { socket } = this;
    socket.on('connection_accepted', ({ connectionId }) => this.#set({ connectionId }));
    socket.on('connection_authenticated', ({ expiresAt }) => this.#renewBefore(expiresAt));
    socket.on('connection_ready', ({ connectionId, userId }) => {
      this.#tries = 0;
      const connections = this.#state.connections + 1;
      this.#set({ status: 'ready', connectionId, userId, error: null, connections });
      this.events.ready();
    });
    socket.on('exception', (exception) => {
      if (exception.reconnect !== undefined) this.#ending = exception;
    });
    socket.on('disconnect', (reason) => this.#gone(reason === 'io server disconnect'));
    socket.on('connect_error', () => {
      if (!socket.active) this.#comeBack();
    });
  }

  #gone(byServer: boolean): void {
    if (this.#isOver()) return;
    const ending = this.#ending;
    const { status } = this.#state;
    this.#forget();
    this.events.gone();
    const error = ending === null ? null : ThreadcastClientError.of(ending.error);
    // A token can be renewed too late, as where the clock here is wrong: a fresh one may be taken.
    const renewable = error?.code === 'token_expired' && status === 'ready' && typeof this.options.token !== 'string';
    if (error !== null && ending?.reconnect === false && !renewable) {
      this.#end('failed', error);
      this.events.failed(error);
      return;
    }
    this.#set({ status: 'reconnecting', connectionId: null, error });
    if (byServer) this.#comeBack();
  }

  /** Where `socket.io-client` does not do it by itself. */
  #comeBack(): void {
    this.#return ??= later(backoff(this.#tries), () => {
      this.#return = null;
      this.#tries += 1;
      this.socket.connect();
    });
  }

  /** Answers the handshake; tries on where no token is to be had. */
  async #authenticate(give: (auth: object) => void): Promise<void> {
    const generation = (this.#generation += 1);
    const token = await this.#token(generation, 0);
    if (token !== null) give({ token, frames: 'batch' });
  }

  /** Null: the connection that it was for has gone. */
  async #token(generation: number, tries: number): Promise<string | null> {
    const { token } = this.options;
    try {
      const given = typeof token === 'string' ? token : await token();
      return generation === this.#generation ? given : null;
    } catch (cause) {
      if (generation !== this.#generation) return null;
      this.#set({
        error: new ThreadcastClientError('no_token', 'The token function failed.', { retryable: true, cause }),
      });
      await new Promise<void>((resolve) => (this.#renewal = later(backoff(tries), resolve)));
      return generation === this.#generation ? this.#token(generation, tries + 1) : null;
    }
  }

  #renewBefore(expiresAt: number | null): void {
    this.#renewal?.();
    if (expiresAt === null || typeof this.options.token === 'string') return;
    const left = expiresAt - now();
    const before = Math.min(this.options.renewBeforeMs ?? 60_000, left / 2);
    this.#renewal = later(Math.max(left - before, LEAST_MS), () => void this.#renew(this.#generation, 0));
  }

  async #renew(generation: number, tries: number): Promise<void> {
    const token = await this.#token(generation, 0);
    if (token === null) return;
    this.emit('authenticate', { token }, (answer) => {
      if (generation !== this.#generation) return;
      if (answer.ok) {
        this.#set({ renewals: this.#state.renewals + 1, error: null });
        this.#renewBefore((answer as unknown as Answers['authenticate']).expiresAt);
      } else {
        this.#set({ error: ThreadcastClientError.of(answer.error) });
        this.#renewal = later(backoff(tries + 1), () => void this.#renew(generation, tries + 1));
      }
    });
  }

  /** What belongs to the connection that has gone. Nothing of it may be sent on the next one behind the outbox's back. */
  #forget(): void {
    this.#generation += 1;
    this.#ending = null;
    this.#renewal?.();
    this.#renewal = null;
    this.#return?.();
    this.#return = null;
    this.socket.sendBuffer = [];
  }

  #end(status: 'closed' | 'failed', error: ThreadcastClientError | null): void {
    if (this.#isOver()) return;
    this.#forget();
    this.#set({ status, connectionId: null, error });
    this.socket.disconnect();
  }

  #isOver(): boolean {
    return this.#state.status === 'closed' || this.#state.status === 'failed';
  }

  #set(change: Partial<LinkState>): void {
    this.#state = { ...this.#state, ...change };
    this.events.changed();
  }
}
