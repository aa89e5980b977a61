import { Redis, type RedisOptions } from 'ioredis';

import type { Clock, Timer } from '../../clock/index.js';
import { reasonOf, withDeadline } from '../../startup/index.js';

/** A connection that is being made is given up after this. */
const CONNECT_MS = 1_500;
const OPEN_MS = 3_000;
/** Between two questions whether both connections are alive, and how long an answer to one may take. */
const PULSE_MS = 1_000;
/** Bytes that are on their way to Redis; what comes on top is dropped. */
const MAX_UNANSWERED_BYTES = 16_777_216;
const CHANNELS_PER_COMMAND = 500;

/** What a link tells. */
export interface LinkListener {
  heard(channel: string, message: string): void;
  /** It is of no use any more. Told once, and only of a link that was open. */
  lost(reason: string): void;
}

/**
 * Two connections to Redis, one that says and one that hears. As soon as anything of them fails, or does not answer in
 * time, the whole link is over: another one is made from nothing, so that no half of an old state survives.
 */
export class RedisLink {
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  #isSharded = false;
  #state: 'new' | 'open' | 'over' = 'new';
  #unansweredBytes = 0;
  #timer: Timer | null = null;

  constructor(
    url: string,
    name: string,
    private readonly clock: Clock,
    private readonly listener: LinkListener,
    /** Called with each pulse; what it rejects with ends the link. */
    private readonly onPulse: (redis: Redis) => Promise<void>,
  ) {
    this.#commands = connection(url, { connectionName: name, enableAutoPipelining: true });
    this.#subscriber = connection(url, { connectionName: `${name}-listener` });
    for (const redis of [this.#commands, this.#subscriber]) {
      redis.on('error', (error: Error) => this.#lose(error.message));
      redis.on('end', () => this.#lose('The connection has ended.'));
    }
    const heard = (channel: string, message: string): void => {
      if (this.#state !== 'over') this.listener.heard(channel, message);
    };
    this.#subscriber.on('message', heard);
    this.#subscriber.on('smessage', heard);
  }

  /** Rejects where it cannot be made; it is over then. */
  async open(): Promise<void> {
    try {
      await withDeadline(this.clock, OPEN_MS, () => this.#connect());
    } catch (error) {
      this.close();
      throw error;
    }
    this.#state = 'open';
    this.#timer = this.clock.every(PULSE_MS, () => this.#pulse());
  }

  /** For what is no message. */
  get commands(): Redis {
    return this.#commands;
  }

  /** Whether it is on its way. */
  publish(channel: string, message: string): boolean {
    const bytes = message.length;
    if (this.#state !== 'open' || this.#unansweredBytes + bytes > MAX_UNANSWERED_BYTES) return false;
    this.#unansweredBytes += bytes;
    const sent = this.#isSharded ? this.#commands.spublish(channel, message) : this.#commands.publish(channel, message);
    sent.then(
      () => (this.#unansweredBytes -= bytes),
      (error: unknown) => this.#lose(reasonOf(error)),
    );
    return true;
  }

  /** Resolves when Redis has taken it: what is published from then on is heard. */
  async subscribe(channels: readonly string[]): Promise<void> {
    await this.#inChunks(channels, (chunk) =>
      this.#isSharded ? this.#subscriber.ssubscribe(...chunk) : this.#subscriber.subscribe(...chunk),
    );
  }

  unsubscribe(channels: readonly string[]): void {
    this.#inChunks(channels, (chunk) =>
      this.#isSharded ? this.#subscriber.sunsubscribe(...chunk) : this.#subscriber.unsubscribe(...chunk),
    ).catch((error: unknown) => this.#lose(reasonOf(error)));
  }

  /** How many connections to this Redis listen to a channel. */
  async listeners(channel: string): Promise<number> {
    const asked = await this.#commands.call('PUBSUB', this.#isSharded ? 'SHARDNUMSUB' : 'NUMSUB', channel);
    return Number((asked as unknown[])[1]);
  }

  close(): void {
    this.#state = 'over';
    this.#timer?.cancel();
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  async #connect(): Promise<void> {
    await Promise.all([this.#commands.connect(), this.#subscriber.connect()]);
    const [known] = (await this.#commands.call('COMMAND', 'INFO', 'ssubscribe')) as unknown[];
    this.#isSharded = Array.isArray(known);
    await Promise.all([this.onPulse(this.#commands), this.#subscriber.ping()]);
  }

  async #inChunks(channels: readonly string[], send: (chunk: string[]) => Promise<unknown>): Promise<void> {
    const sent: Promise<unknown>[] = [];
    for (let start = 0; start < channels.length; start += CHANNELS_PER_COMMAND) {
      sent.push(send(channels.slice(start, start + CHANNELS_PER_COMMAND)));
    }
    await Promise.all(sent);
  }

  /** A connection that has fallen silent says nothing of it by itself. */
  #pulse(): void {
    let answered = false;
    Promise.all([this.onPulse(this.#commands), this.#subscriber.ping()]).then(
      () => (answered = true),
      (error: unknown) => this.#lose(reasonOf(error)),
    );
    const judge = (): void => {
      if (!answered) this.#lose('Redis has not answered in time.');
    };
    // Where it was this process that stood still, the answer lies there unread: it is read before anything is judged.
    this.clock.after(PULSE_MS, () => this.clock.soon(judge));
  }

  #lose(reason: string): void {
    // While it is being made, whoever makes it is told.
    if (this.#state !== 'open') return;
    this.close();
    this.listener.lost(reason);
  }
}

/** Nothing is kept for later, and nothing is tried again here: that is for who knows what it was about. */
function connection(url: string, options: RedisOptions): Redis {
  return new Redis(url, {
    ...options,
    lazyConnect: true,
    protocol: 2,
    connectTimeout: CONNECT_MS,
    // A goodbye that nobody hears is not waited for.
    disconnectTimeout: 100,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    keepAlive: 10_000,
  });
}
