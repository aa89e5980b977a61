import { io, type Socket } from 'socket.io-client';

import type { EventEnvelope } from '../../src/protocol/index.js';
import type { TestAnswer } from '../../src/testing/index.js';

/** A following as the client knows it: what must come next. */
interface Followed {
  next: number;
  active: boolean;
  subscribed: boolean;
}

/**
 * A client that checks what it sees while it sees it: every event of a thread that it follows is the one after the
 * last, and nothing comes of a thread that it has left. Acknowledgements and events come on one ordered way, so
 * what it believes about its followings is exact at each frame.
 */
export class Observer {
  readonly #followed = new Map<string, Followed>();
  readonly #socket: Socket;
  readonly #epochs = new Map<string, string>();
  readonly ready: Promise<void>;
  readonly faults: string[] = [];
  readonly seen: EventEnvelope[] = [];
  #switching = false;

  constructor(
    url: string,
    readonly name: string,
    auth: Readonly<Record<string, unknown>>,
  ) {
    this.#socket = io(url, { forceNew: true, reconnection: false, transports: ['websocket'], auth });
    this.#socket.onAny((name: string, data: unknown) => this.#take(name, data));
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once('connection_ready', () => resolve());
      this.#socket.once('exception', (exception: unknown) => reject(new Error(JSON.stringify(exception))));
    });
    this.ready.catch(() => undefined);
  }

  get connected(): boolean {
    return this.#socket.connected;
  }

  get activeThreadId(): string | null {
    return [...this.#followed].find(([, followed]) => followed.active)?.[0] ?? null;
  }

  /** The threads followed, each with the last seq seen and the log's epoch. */
  cursors(): { threadId: string; after: number; epoch: string | undefined }[] {
    return [...this.#followed].map(([threadId, { next }]) => ({
      threadId,
      after: next - 1,
      epoch: this.#epochs.get(threadId),
    }));
  }

  follows(threadId: string): boolean {
    return this.#followed.has(threadId);
  }

  authenticate(token: string): Promise<TestAnswer> {
    return this.#send('authenticate', { token }, () => undefined);
  }

  switchTo(threadId: string, after?: number): Promise<TestAnswer> {
    return this.#send('switch_thread', { threadId, after }, (answer) => {
      this.#begin(threadId, after, answer);
      this.#activate(threadId);
    });
  }

  subscribe(threadId: string, after?: number): Promise<TestAnswer> {
    return this.#send('subscribe_thread', { threadId, after }, (answer) => {
      this.#begin(threadId, after, answer).subscribed = true;
    });
  }

  unsubscribe(threadId: string): Promise<TestAnswer> {
    return this.#send('unsubscribe_thread', { threadId }, () => this.#followed.delete(threadId));
  }

  /** Says something in a thread, which makes it the active one. */
  say(threadId: string, content: string): Promise<TestAnswer> {
    return this.#send('user_message', { threadId, content }, () => {
      this.#switching = this.activeThreadId !== threadId;
    });
  }

  async create(): Promise<string> {
    return (await this.#send('create_thread', {}, () => undefined))['threadId'] as string;
  }

  /** In a thread that it follows already. */
  start(threadId: string, agent: string, input: object): Promise<TestAnswer> {
    return this.#send('start_agent', { threadId, agent, input }, () => this.#activate(threadId));
  }

  hasSeen(type: string): boolean {
    return this.seen.at(-1)?.type === type;
  }

  fence(): Promise<TestAnswer> {
    return this.#send('ping', {}, () => undefined);
  }

  stopReading(): void {
    this.#tcp()?.pause();
  }

  readOn(): void {
    this.#tcp()?.resume();
  }

  /** The network goes away: no goodbye. */
  drop(): void {
    this.readOn();
    this.#followedAtEnd = this.cursors();
    this.#socket.io.engine.close();
    this.#socket.disconnect();
  }

  /** What it followed when it was dropped. */
  get last(): ReturnType<Observer['cursors']> {
    return this.#followedAtEnd;
  }

  #followedAtEnd: ReturnType<Observer['cursors']> = [];

  #send(type: string, payload: object, onAnswer: (answer: TestAnswer) => void): Promise<TestAnswer> {
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new Error(`${this.name} lost its connection`));
      this.#socket.once('disconnect', lost);
      this.#socket.emit(type, payload, (answer: TestAnswer | Error) => {
        this.#socket.off('disconnect', lost);
        if (answer instanceof Error) return;
        if (answer.ok) onAnswer(answer);
        resolve(answer);
      });
    });
  }

  #begin(threadId: string, after: number | undefined, answer: TestAnswer): Followed {
    this.#epochs.set(threadId, answer['epoch'] as string);
    const present = this.#followed.get(threadId);
    if (present !== undefined && after === undefined) return present;
    const next = (after ?? (answer['head'] as number)) + 1;
    const followed = { next, active: present?.active ?? false, subscribed: present?.subscribed ?? false };
    this.#followed.set(threadId, followed);
    return followed;
  }

  #activate(threadId: string): void {
    for (const [other, followed] of this.#followed) {
      if (other === threadId || !followed.active) continue;
      followed.active = false;
      if (!followed.subscribed) this.#followed.delete(other);
    }
    const followed = this.#followed.get(threadId);
    if (followed !== undefined) followed.active = true;
  }

  #take(name: string, data: unknown): void {
    if (name === 'events') {
      for (const event of data as EventEnvelope[]) this.#event(event);
    } else if (name === 'thread_switched' && this.#switching) {
      const { threadId, head } = data as { threadId: string; head: number };
      this.#switching = false;
      if (!this.#followed.has(threadId)) {
        this.#followed.set(threadId, { next: head + 1, active: false, subscribed: false });
      }
      this.#activate(threadId);
    } else if (typeof data === 'object' && data !== null && 'seq' in data && 'data' in data) {
      this.#event(data as EventEnvelope);
    }
  }

  #event(event: EventEnvelope): void {
    const followed = this.#followed.get(event.threadId);
    if (followed === undefined) {
      this.faults.push(`${this.name}: ${event.seq} of ${event.threadId}, which it does not follow`);
      return;
    }
    const first = event.from ?? event.seq;
    if (first !== followed.next) {
      this.faults.push(`${this.name}: ${first} of ${event.threadId} where ${followed.next} had to come`);
    }
    followed.next = event.seq + 1;
    this.seen.push(event);
  }

  #tcp(): { pause(): void; resume(): void } | undefined {
    const transport = this.#socket.io.engine.transport as unknown as {
      ws?: { _socket?: { pause(): void; resume(): void } };
    };
    return transport.ws?._socket;
  }
}
