import { type Asked, Ledger } from '../fault/ledger.js';
import { readLogs, type Logs } from '../fault/logs.js';
import { Observer } from '../fault/observer.js';
import { chooseSeed, Random } from '../fault/random.js';
import type { Cluster, ClusterNode } from './cluster.js';
import { signedToken } from './signed-token.js';

const USERS = ['alice', 'bob'] as const;
const POLICIES = ['queue', 'queue', 'parallel', 'interrupt'];
/** Of an answer: enough to be cut off, and over soon. */
const WORDS = 60;
/** A node that dies has its runs ended elsewhere within half a minute; what hangs ends after that. */
const PATIENCE_MS = 60_000;

interface Present {
  readonly observer: Observer;
  readonly threads: readonly string[];
  place: number;
}

/**
 * Two users and six clients on all nodes, who talk in threads that they share while nodes, Redis and PostgreSQL come and go.
 * Everything that they are shown and told is in the ledger.
 */
export class ClusterCampaign {
  readonly ledger = new Ledger();
  readonly random: Random;
  readonly #present: Present[] = [];
  readonly #tokens = new Map<string, string>();
  readonly #waiting: (() => void)[] = [];
  #alarm: { left: number; readonly ring: () => void } | null = null;
  #messages = 0;
  /** Runs that are to be under way or wanted at any time. */
  #pressure = 0;
  /** How long clients were away each time, in ms. */
  readonly awayMs: number[] = [];

  constructor(
    private readonly cluster: Cluster,
    readonly seed = chooseSeed(),
  ) {
    this.random = new Random(seed);
  }

  /** Users, threads, and clients that follow them on every node; `through` a balancer: wherever that leads them. */
  async begin(through: string | null = null): Promise<void> {
    for (const userId of USERS) this.#tokens.set(userId, await signedToken(userId));
    const [one, shared, bobs] = ['thread_one', 'thread_shared', 'thread_bobs'] as const;
    await this.#call('alice', 'POST', '/api/threads', { threadId: one });
    await this.#call('alice', 'POST', '/api/threads', { threadId: shared });
    await this.#call('bob', 'POST', '/api/threads', { threadId: bobs });
    await this.#call('alice', 'PUT', `/api/threads/${shared}/members/bob`);
    for (const [index] of this.cluster.nodes.entries()) {
      this.#add('alice', [one, shared], index);
      this.#add('alice', [shared], index);
      this.#add('bob', [bobs, shared], index);
    }
    await Promise.all(
      this.#present.map((present) => (through === null ? this.#connect(present) : this.#stay(present, through))),
    );
  }

  /** From here on so many runs are wanted at any time; 0: no more. */
  keepBusy(pressure: number): void {
    this.#pressure = pressure;
    this.#press();
  }

  /** Messages and starts, from all clients that are connected, in all ways. Does not wait for anything. */
  sendSome(count = 8): void {
    const connected = this.#present.filter(({ observer }) => observer.client.socket.connected);
    for (let n = 0; n < count && connected.length > 0; n += 1) {
      const { observer, threads } = this.random.one(connected);
      observer.send(this.#request(observer.userId, this.random.one(threads)));
    }
  }

  /** Rings at the n-th thing that any client gets from here on. */
  atSighting(n: number, ring: () => void): void {
    this.#alarm = { left: n, ring };
  }

  /**
   * Clients whose connection has ended connect to the node at this place, go on where they were, and ask again what was not
   * answered, and something that was.
   */
  async comeBack(place: number): Promise<void> {
    const away = this.#present.filter(({ observer }) => !observer.client.socket.connected);
    for (const present of away) present.place = place;
    await Promise.all(away.map((present) => this.#connect(present)));
    this.ledger.counts.tell('clients that came back', away.length);
    const answered = [...this.ledger.asked.values()].filter(({ answer }) => answer?.ok === true);
    const again = answered.length === 0 ? [] : [this.random.one(answered), this.random.one(answered)];
    for (const asked of new Set([...this.ledger.unanswered(), ...again])) this.#clientOf(asked).send(asked);
  }

  /** Asks again what was refused for a reason that passes. */
  askAgain(): void {
    const refused = [...this.ledger.asked.values()].filter(({ answer }) => answer?.error?.retryable === true);
    this.ledger.counts.tell('requests refused and sent again', refused.length);
    for (const asked of refused) {
      asked.answer = null;
      this.#clientOf(asked).send(asked);
    }
  }

  /** Resolves when the connections of the node at this place have ended. */
  async gone(place: number): Promise<void> {
    await Promise.all(this.#present.filter((one) => one.place === place).map(({ observer }) => observer.gone()));
  }

  /** Everything is answered, and every run that anybody was told of has ended and was seen to end. */
  quiet(): Promise<void> {
    return this.until(() => this.ledger.unanswered().length === 0 && this.ledger.unended().length === 0);
  }

  /** Resolves when this holds; it is looked at whenever a client gets something. */
  async until(holds: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    signal.addEventListener('abort', () => this.#changed());
    while (!holds()) {
      if (signal.aborted) throw new Error(`It did not become quiet: ${this.#open()}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Everything grows quiet; then every log is judged, as each node tells it, and as clients see it that were never there. */
  async finish(title: string): Promise<void> {
    await this.until(() => this.ledger.unanswered().length === 0);
    this.ledger.learn(await this.#logs(this.cluster.node(0)));
    await this.quiet();
    for (const node of this.cluster.nodes) {
      const logs = await this.#logs(node);
      this.ledger.judge(logs, []);
      for (const [userId, token] of this.#tokens) {
        const newcomer = new Observer(userId, this.ledger, () => undefined);
        await newcomer.connect(node.url, token, [...(await readLogs(node.url, [token])).keys()]);
        newcomer.close();
      }
      this.ledger.judge(logs, []);
    }
    this.ledger.counts.tell('requests', this.ledger.asked.size);
    this.ledger.counts.print(`${title}, seed ${this.seed}`);
  }

  end(): void {
    for (const { observer } of this.#present) observer.close();
  }

  #add(userId: string, threads: readonly string[], place: number): void {
    this.#present.push({ observer: new Observer(userId, this.ledger, () => this.#sighted()), threads, place });
  }

  #connect({ observer, threads, place }: Present): Promise<void> {
    return observer.connect(this.cluster.node(place).url, this.#token(observer.userId), threads);
  }

  /** With a client that comes back by itself, and asks again what it has no answer to. */
  #stay({ observer, threads }: Present, through: string): Promise<void> {
    return observer.stay(through, this.#token(observer.userId), threads, (awayMs) => {
      this.awayMs.push(awayMs);
      this.ledger.counts.tell('returns');
      const own = [...this.ledger.asked.values()].filter(({ userId }) => userId === observer.userId);
      for (const asked of own.filter(({ answer }) => answer?.ok !== true)) {
        if (asked.answer !== null) this.ledger.counts.tell('requests refused and sent again');
        asked.answer = null;
        observer.send(asked);
      }
      this.#press();
    });
  }

  #press(): void {
    const wanted = this.ledger.unanswered().length + this.ledger.unended().length;
    if (wanted < this.#pressure) this.sendSome(this.#pressure - wanted);
  }

  #logs(node: ClusterNode): Promise<Logs> {
    return readLogs(node.url, this.#tokens.values());
  }

  #clientOf({ userId }: Asked): Observer {
    const own = this.#present.filter(({ observer }) => observer.userId === userId);
    return this.random.one(own.filter(({ observer }) => observer.client.socket.connected)).observer;
  }

  async #call(userId: string, method: string, path: string, body?: unknown): Promise<void> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await this.cluster.node(0).fetch(path, this.#token(userId), { method, ...content });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  }

  #token(userId: string): string {
    return this.#tokens.get(userId) ?? '';
  }

  #request(userId: string, threadId: string): Asked {
    this.#messages += 1;
    const messageId = `message-${this.#messages}`;
    const text = `${messageId} ${'word '.repeat(WORDS)}`;
    const echo = { delayMs: this.random.whole(1, 3) };
    const common = { messageId, policy: this.random.one(POLICIES), threadId };
    if (this.random.whole(1, 4) === 1) {
      const payload = { ...common, agent: 'echo', input: { text, ...echo } };
      return { messageId, userId, type: 'start_agent', payload, answer: null };
    }
    const payload = { ...common, content: text, metadata: { echo } };
    return { messageId, userId, type: 'user_message', payload, answer: null };
  }

  #open(): string {
    const unanswered = this.ledger.unanswered().map(({ messageId }) => messageId);
    return `unanswered ${unanswered.join(', ') || 'nothing'}; not ended ${this.ledger.unended().join(', ') || 'nothing'}`;
  }

  #changed(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  #sighted(): void {
    this.#changed();
    this.#press();
    if (this.#alarm === null) return;
    this.#alarm.left -= 1;
    if (this.#alarm.left > 0) return;
    const { ring } = this.#alarm;
    this.#alarm = null;
    ring();
  }
}
