import { TestClient, type TestAnswer, type TestClientOptions } from '../../src/testing/test-client.js';
import type { Asked, Ledger } from './ledger.js';

interface Place {
  position: number;
  epoch: string | null;
}

/**
 * A client that is cut off and comes back: it remembers how far it has read each thread, and writes all that it is
 * shown, as it came over the wire, into the ledger.
 */
export class Observer {
  readonly #places = new Map<string, Place>();
  /** Followed on the present connection. */
  readonly #followed = new Set<string>();
  /** Of these, followed by more than being the active one. */
  readonly #subscribed = new Set<string>();
  #client: TestClient | null = null;
  #gone: Promise<unknown> = Promise.resolve();

  constructor(
    readonly userId: string,
    private readonly ledger: Ledger,
    private readonly onSighting: () => void,
  ) {}

  get client(): TestClient {
    if (this.#client === null) throw new Error('This observer has not connected yet.');
    return this.#client;
  }

  /** Connects and goes on in every thread where it was; `also`: threads that it follows from their beginning. */
  async connect(
    url: string,
    token: string,
    also: readonly string[] = [],
    options: TestClientOptions = {},
  ): Promise<void> {
    const client = new TestClient(url, { ...options, auth: { token } });
    this.#client = client;
    this.#gone = new Promise((resolve) => client.socket.once('disconnect', resolve));
    const read = ({ data }: { data?: unknown }): void => this.#packet(String(data));
    client.socket.io.on('open', () => client.socket.io.engine.on('packet', read));
    await client.next('connection_ready');
    await this.#goOn(also);
  }

  /**
   * As `connect`, and its stock client comes back by itself whenever its connection ends. `onReturn` is then called once it
   * follows everything again, with how long it was away, in ms.
   */
  async stay(url: string, token: string, also: readonly string[], onReturn: (awayMs: number) => void): Promise<void> {
    await this.connect(url, token, also, { reconnection: true });
    const { socket } = this.client;
    let connection = 0;
    let leftAt = 0;
    socket.on('disconnect', () => {
      connection += 1;
      leftAt = performance.now();
    });
    socket.on('connection_ready', () => {
      const [own, since] = [connection, leftAt];
      this.#goOn(also).then(
        () => onReturn(performance.now() - since),
        (error: unknown) => {
          // It has lost this connection too, and comes back anew.
          if (own === connection && socket.connected) throw error;
        },
      );
    });
  }

  /** Resolves when all that had come over the connection before its end has been taken. */
  async gone(): Promise<void> {
    if (this.#client?.socket.connected === true) await this.#gone;
  }

  send(asked: Asked): void {
    const { messageId, type, payload } = asked;
    this.ledger.asked.set(messageId, asked);
    this.client.socket.emit(type, payload, (answer: TestAnswer) => {
      this.ledger.answer(messageId, answer);
      this.onSighting();
    });
  }

  close(): void {
    this.#client?.close();
  }

  async #goOn(also: readonly string[]): Promise<void> {
    this.#followed.clear();
    this.#subscribed.clear();
    for (const threadId of new Set([...this.#places.keys(), ...also])) await this.#resume(threadId);
  }

  async #resume(threadId: string): Promise<void> {
    const place = this.#places.get(threadId) ?? { position: 0, epoch: null };
    this.#places.set(threadId, place);
    this.#followed.add(threadId);
    this.#subscribed.add(threadId);
    const { position, epoch } = place;
    const request = { threadId, after: position, ...(epoch === null ? {} : { epoch }) };
    let answer = await this.client.request('subscribe_thread', request);
    if (answer.error?.code === 'cursor_invalid') {
      this.ledger.positionRefused();
      place.position = 0;
      answer = await this.client.request('subscribe_thread', { threadId, after: 0 });
    }
    if (answer.error?.code === 'thread_not_found') {
      this.ledger.positionRefused();
      this.#places.delete(threadId);
      return;
    }
    if (!answer.ok) throw new Error(`Coming back to ${threadId}: ${JSON.stringify(answer.error)}`);
    place.epoch = String(answer['epoch']);
    await this.client.next('thread_caught_up', (data) => data['threadId'] === threadId);
  }

  #packet(packet: string): void {
    const [, name, json = ''] = /^2\["([a-z_]+)",(\{.*\})\]$/s.exec(packet) ?? [];
    if (name === 'thread_switched') this.#switched(JSON.parse(json) as Switch);
    else if (/^\{"threadId":"[^"]+","seq":.*"data":/s.test(json)) this.#sighted(json);
  }

  #sighted(json: string): void {
    const { threadId } = JSON.parse(json) as { threadId: string };
    const place = this.#places.get(threadId) ?? { position: 0, epoch: null };
    this.#places.set(threadId, place);
    place.position = this.ledger.see(json, place.position);
    this.onSighting();
  }

  /** A message made this thread the active one. A thread not followed before begins at its head. */
  #switched({ threadId, previousThreadId, head }: Switch): void {
    if (previousThreadId !== null && !this.#subscribed.has(previousThreadId)) this.#followed.delete(previousThreadId);
    if (this.#followed.has(threadId)) return;
    this.#followed.add(threadId);
    this.#places.set(threadId, { position: head, epoch: null });
  }
}

interface Switch {
  readonly threadId: string;
  readonly previousThreadId: string | null;
  readonly head: number;
}
