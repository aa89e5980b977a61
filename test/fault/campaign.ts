import { Ledger, type Asked } from './ledger.js';
import { readLogs, type Logs } from './logs.js';
import { Observer } from './observer.js';
import { Random } from './random.js';
import { ServerProcess, type ProcessOptions } from './server-process.js';

const MESSAGES_PER_ROUND = 8;
/** Of an answer: enough to be cut off, and over soon. */
const WORDS = 60;
const PATIENCE_MS = 20_000;
const POLICIES = ['queue', 'queue', 'parallel', 'interrupt'];

/**
 * Two users, five clients, four threads and the new ones of each round, runs at work all the time; and one server after
 * the other on the same data, each of which is ended somehow.
 */
export class Campaign {
  /** Of the answers that are asked for from now on. */
  words = WORDS;
  /** Of the starts from now on. */
  policies: readonly (typeof POLICIES)[number][] = POLICIES;
  readonly ledger = new Ledger();
  readonly random: Random;
  readonly #tokens = new Map<string, string>();
  readonly #observers: { readonly observer: Observer; readonly threads: string[] }[] = [];
  #server: ServerProcess | null = null;
  #sightings = 0;
  #alarm: { readonly at: number; readonly ring: () => void } | null = null;
  readonly #waiting: (() => void)[] = [];
  #messages = 0;
  #ended = false;

  constructor(
    readonly seed: number,
    private readonly dataDir: string,
  ) {
    this.random = new Random(seed);
  }

  get server(): ServerProcess {
    if (this.#server === null) throw new Error('No server has been started yet.');
    return this.#server;
  }

  /**
   * Starts a server on the data that the last one left, and judges what that did to it. A kill in the middle of the
   * start makes this reject.
   */
  async start(options: Omit<ProcessOptions, 'dataDir'> = {}): Promise<void> {
    if (this.#ended) throw new Error('This campaign is over.');
    const begunBefore = this.ledger.underWay();
    this.#server = new ServerProcess({ dataDir: this.dataDir, ...options });
    const url = await this.#server.ready();
    if (this.#observers.length === 0) await this.#settle(url);
    const logs = await this.judge(begunBefore);
    const unanswered = this.ledger.unanswered().length;
    const stored = this.ledger.unansweredIn(logs);
    this.ledger.counts.tell('requests cut off and stored', stored);
    this.ledger.counts.tell('requests cut off and not stored', unanswered - stored);
    this.ledger.counts.tell('runs cut off', begunBefore.length);
  }

  /** Kills the server at the n-th thing that any client gets from here on. */
  killAtSighting(n: number): void {
    this.#alarm = { at: this.#sightings + n, ring: () => this.server.kill() };
  }

  /** Clients come back to where they were, ask again what was not answered, and something that was. */
  async comeBack(): Promise<void> {
    const { url } = this.server;
    await Promise.all(
      this.#observers.map(({ observer, threads }) => observer.connect(url, this.#token(observer.userId), threads)),
    );
    const answered = [...this.ledger.asked.values()].filter(({ answer }) => answer?.ok === true);
    const again = answered.length === 0 ? [] : [this.random.one(answered), this.random.one(answered)];
    for (const asked of new Set([...this.ledger.unanswered(), ...again])) this.#clientOf(asked.userId).send(asked);
  }

  /** Messages and starts, from all clients, on all threads, in all ways. Does not wait for anything. */
  sendSome(): void {
    for (let n = 0; n < MESSAGES_PER_ROUND; n += 1) {
      const { observer, threads } = this.random.one(this.#observers);
      observer.send(this.#request(observer.userId, this.random.one(threads)));
    }
    for (const userId of this.#tokens.keys()) this.#clientOf(userId).send(this.#request(userId, null));
  }

  /** Resolves when the server has ended and all that it sent has been taken. */
  async over(): Promise<void> {
    await this.server.exit();
    await Promise.all(this.#observers.map(({ observer }) => observer.gone()));
    this.#alarm = null;
  }

  /** Resolves when everything is answered and every run that anybody was told of has ended. */
  quiet(): Promise<void> {
    return this.until(() => this.ledger.unanswered().length === 0 && this.ledger.unended().length === 0);
  }

  /** Everything is answered, every run has ended, and the logs are judged for the last time. */
  async finish(): Promise<Logs> {
    await this.until(() => this.ledger.unanswered().length === 0);
    this.ledger.learn(await readLogs(this.server.url, this.#tokens.values()));
    await this.quiet();
    const logs = await this.judge([]);
    await this.#readAnew(logs);
    return logs;
  }

  /** Resolves when this holds; it is looked at whenever a client gets something. */
  async until(holds: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    signal.addEventListener('abort', () => this.#changed());
    while (!holds()) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    for (const { observer } of this.#observers) observer.close();
    await this.#server?.end();
  }

  /** Users, threads and who follows which. */
  async #settle(url: string): Promise<void> {
    for (const userId of ['alice', 'bob']) this.#tokens.set(userId, await this.server.token(userId));
    const make = (userId: string, threadId: string) => this.#call(url, userId, 'POST', '/api/threads', { threadId });
    const [one, two, shared, bobs] = ['thread_one', 'thread_two', 'thread_shared', 'thread_bobs'] as const;
    for (const threadId of [one, two, shared]) await make('alice', threadId);
    await make('bob', bobs);
    await this.#call(url, 'alice', 'PUT', `/api/threads/${shared}/members/bob`);
    this.#observe('alice', [one, shared]);
    this.#observe('alice', [one, two]);
    this.#observe('alice', [two]);
    this.#observe('bob', [bobs, shared]);
    this.#observe('bob', [bobs]);
  }

  #observe(userId: string, threads: string[]): void {
    const observer = new Observer(userId, this.ledger, () => this.#sighted());
    this.#observers.push({ observer, threads });
  }

  async #call(url: string, userId: string, method: string, path: string, body?: unknown): Promise<void> {
    const headers = { Authorization: `Bearer ${this.#token(userId)}`, 'Content-Type': 'application/json' };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}${path}`, { method, headers, ...content });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  }

  /** Reads all logs and judges them. What clients are shown meanwhile may be behind what was read: then events seem lost. */
  async judge(begunBefore: readonly string[]): Promise<Logs> {
    const logs = await readLogs(this.server.url, this.#tokens.values());
    this.ledger.judge(logs, begunBefore);
    return logs;
  }

  /** A client that was never there before is shown the whole of every log. */
  async #readAnew(logs: Logs): Promise<void> {
    for (const [userId, token] of this.#tokens) {
      const own = await readLogs(this.server.url, [token]);
      const newcomer = new Observer(userId, this.ledger, () => undefined);
      await newcomer.connect(this.server.url, token, [...own.keys()]);
      newcomer.close();
    }
    this.ledger.judge(logs, []);
  }

  /** The last of a user's clients is also the one that begins new chats. */
  #clientOf(userId: string): Observer {
    const found = this.#observers.filter(({ observer }) => observer.userId === userId).at(-1);
    if (found === undefined) throw new Error(`${userId} has no client.`);
    return found.observer;
  }

  #token(userId: string): string {
    return this.#tokens.get(userId) ?? '';
  }

  #request(userId: string, threadId: string | null): Asked {
    this.#messages += 1;
    const messageId = `message-${this.#messages}`;
    const text = `${messageId} ${'word '.repeat(this.words)}`;
    const echo = { delayMs: this.random.whole(1, 3) };
    const common = { messageId, policy: this.random.one(this.policies), ...(threadId === null ? {} : { threadId }) };
    if (this.random.whole(1, 4) === 1) {
      const payload = { ...common, agent: 'echo', input: { text, ...echo } };
      return { messageId, userId, type: 'start_agent', payload, answer: null };
    }
    const payload = { ...common, content: text, metadata: { echo } };
    return { messageId, userId, type: 'user_message', payload, answer: null };
  }

  #changed(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  #sighted(): void {
    this.#sightings += 1;
    this.#changed();
    if (this.#alarm === null || this.#sightings < this.#alarm.at) return;
    const { ring } = this.#alarm;
    this.#alarm = null;
    ring();
  }
}
