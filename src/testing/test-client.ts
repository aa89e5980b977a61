import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';

import type { EventEnvelope } from '../protocol/index.js';

/** One event as it came in. */
export interface Frame {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface TestClientOptions extends Partial<ManagerOptions & SocketOptions> {
  /** For `next` and for answers, in ms. Default 10 000: it is no measure of speed, it ends a test that hangs. */
  readonly patienceMs?: number;
}

/** An answer, of whatever request. */
export interface TestAnswer {
  readonly ok: boolean;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly details?: Readonly<Record<string, unknown>>;
  };
  readonly [key: string]: unknown;
}

interface Waiter {
  readonly matches: (frame: Frame) => boolean;
  readonly resolve: (frame: Frame) => void;
}

/**
 * A plain `socket.io-client` that misses nothing: it keeps every frame from its birth on, and `next` looks at what
 * has come before it waits for more.
 */
export class TestClient {
  readonly socket: Socket;
  /** Everything that came, in order. `events` batches are taken apart. */
  readonly frames: Frame[] = [];
  /** Why the socket disconnected, each time. */
  readonly disconnects: string[] = [];
  readonly #patienceMs: number;
  readonly #taken = new Set<Frame>();
  #waiters: Waiter[] = [];

  constructor(url: string, { patienceMs = 10_000, ...options }: TestClientOptions = {}) {
    this.#patienceMs = patienceMs;
    this.socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], ...options });
    this.socket.onAny((name: string, data: unknown) => {
      if (name === 'events') for (const event of data as EventEnvelope[]) this.#arrive(event.type, event);
      else this.#arrive(name, data);
    });
    this.socket.on('disconnect', (reason) => {
      this.disconnects.push(reason);
      this.#arrive('disconnect', { reason });
    });
    this.socket.on('connect_error', (error) => this.#arrive('connect_error', { message: error.message }));
  }

  /** The first frame of this name that was not taken before and matches; waits for it if need be. */
  async next(name: string, matches: (data: Frame['data']) => boolean = () => true): Promise<Frame['data']> {
    const wanted = (frame: Frame): boolean => frame.name === name && !this.#taken.has(frame) && matches(frame.data);
    const present = this.frames.find(wanted);
    const frame = present ?? (await this.#wait(name, wanted));
    this.#taken.add(frame);
    return frame.data;
  }

  /** Sends a request and gives its answer, whatever that is. */
  request(type: string, payload?: unknown): Promise<TestAnswer> {
    return this.#answer(`the answer to ${type}`, (ack) => {
      if (payload === undefined) this.socket.emit(type, ack);
      else this.socket.emit(type, payload, ack);
    });
  }

  /** Sends a request that has to succeed. */
  async ask(type: string, payload?: unknown): Promise<TestAnswer> {
    const answer = await this.request(type, payload);
    if (!answer.ok) throw new Error(`${type} was refused: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  /** Sends the envelope form. */
  send(envelope: unknown): Promise<TestAnswer> {
    return this.#answer('the answer to an envelope', (ack) => this.socket.send(envelope, ack));
  }

  /**
   * Resolves when everything that the server sent before it took this request is here: requests and frames keep
   * their order. Shows that something did not come.
   */
  async fence(): Promise<void> {
    await this.ask('ping');
  }

  /** The events of a thread, in the order in which they came. */
  events(threadId: unknown): EventEnvelope[] {
    return this.frames
      .filter(({ data }) => data['threadId'] === threadId && data['seq'] !== undefined && data['data'] !== undefined)
      .map((frame) => frame.data as unknown as EventEnvelope);
  }

  /** The names of all frames, in order. */
  names(): string[] {
    return this.frames.map((frame) => frame.name);
  }

  close(): void {
    this.socket.disconnect();
  }

  #arrive(name: string, data: unknown): void {
    const frame: Frame = { name, data: data as Frame['data'] };
    this.frames.push(frame);
    const waiter = this.#waiters.find((candidate) => candidate.matches(frame));
    if (waiter === undefined) return;
    this.#waiters = this.#waiters.filter((candidate) => candidate !== waiter);
    this.#taken.add(frame);
    waiter.resolve(frame);
  }

  #wait(what: string, matches: Waiter['matches']): Promise<Frame> {
    return this.#patiently(what, (resolve) => this.#waiters.push({ matches, resolve }));
  }

  #answer(what: string, emit: (ack: (answer: TestAnswer) => void) => void): Promise<TestAnswer> {
    return this.#patiently(what, emit);
  }

  #patiently<T>(what: string, begin: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(this.#patienceMs);
      const onTimeout = (): void => reject(new Error(`${what} did not come. What did: ${this.#summary()}`));
      signal.addEventListener('abort', onTimeout, { once: true });
      begin((value) => {
        signal.removeEventListener('abort', onTimeout);
        resolve(value);
      });
    });
  }

  #summary(): string {
    const last = this.frames.slice(-40).map((frame) => `${frame.name} ${JSON.stringify(frame.data).slice(0, 120)}`);
    return `${this.frames.length} frames, the last:\n${last.join('\n')}`;
  }
}
