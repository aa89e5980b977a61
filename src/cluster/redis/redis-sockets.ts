import { createShardedAdapter } from '@socket.io/redis-adapter';

import type { Clock } from '../../clock/index.js';
import { Log } from '../../logs/index.js';
import type { Metrics } from '../../metrics/index.js';
import { reasonOf } from '../../startup/index.js';
import { ClusterSockets } from '../cluster-sockets.js';
import { RedisLink } from './redis-link.js';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/** What the adapter does with what is heard. */
type Handler = (message: Buffer, channel: string) => void;

/**
 * Socket.IO's adapter for Redis, on a link of its own. The adapter takes this for a client of the package `redis`, of which
 * it needs the four methods below. A real one it would call without hearing of failures, which then end the process; it
 * would be given calls to keep for later; and whether the server has sharded pub/sub would have to be known before
 * there is a connection.
 */
export class RedisSockets extends ClusterSockets {
  override readonly adapter: NonNullable<ClusterSockets['adapter']>;
  readonly #log = new Log('Sockets');
  readonly #handlers = new Map<string, Handler>();
  readonly #closing = new AbortController();
  #link: RedisLink | null = null;
  /** The present link is over. */
  #end: (reason: string) => void = () => undefined;
  #loop: Promise<void> | null = null;

  constructor(
    private readonly url: string,
    private readonly clusterName: string,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    super();
    // Two channels for each namespace: `dynamic` would be one more for every room.
    const options = { channelPrefix: `${clusterName}:socket.io`, subscriptionMode: 'static' } as const;
    this.adapter = createShardedAdapter(this, this, options);
    metrics.measure('threadcast_cluster_sockets_joined', {}, () => (this.isJoined ? 1 : 0));
  }

  override get isJoined(): boolean {
    return this.#link !== null;
  }

  override join(): Promise<void> {
    return new Promise((resolve) => {
      this.#loop ??= this.#keepJoined(resolve);
    });
  }

  override async close(): Promise<void> {
    this.#closing.abort(new Error('The link is closed.'));
    this.#end('closed');
    await this.#loop;
  }

  /** For the adapter. */
  sSubscribe(channel: string, handler: Handler): void {
    this.#handlers.set(channel, handler);
    this.#link?.subscribe([channel]).catch((error: unknown) => this.#end(reasonOf(error)));
  }

  /** For the adapter. */
  sUnsubscribe(channel: string): void {
    if (this.#handlers.delete(channel)) this.#link?.unsubscribe([channel]);
  }

  /** For the adapter, which takes a rejection as a call that reaches nobody. */
  sPublish(channel: string, payload: string | Uint8Array): Promise<void> {
    const text = typeof payload === 'string' ? payload : BYTES + Buffer.from(payload).toString('base64');
    if (this.#link?.publish(channel, text) === true) return Promise.resolve();
    return Promise.reject(new Error('Redis is away, or too much is on its way there.'));
  }

  /** For the adapter: how many listen to a channel. Never rejects: nobody would hear it. */
  async sendCommand([, , channel = '']: readonly string[]): Promise<readonly [string, string]> {
    const count = await this.#link?.listeners(channel).catch(() => 0);
    return [channel, String(count ?? 0)];
  }

  /** One link after the other, for as long as this is not closed. */
  async #keepJoined(tried: () => void): Promise<void> {
    const { signal } = this.#closing;
    let [delayMs, isTold] = [FIRST_RETRY_MS, false];
    while (!signal.aborted) {
      const ended = new Promise<string>((resolve) => (this.#end = resolve));
      const link = this.#newLink();
      let reason: string;
      try {
        await link.open();
        this.#link = link;
        await link.subscribe([...this.#handlers.keys()]);
        [delayMs, isTold] = [FIRST_RETRY_MS, false];
        tried();
        reason = await ended;
      } catch (error) {
        reason = reasonOf(error);
      }
      link.close();
      this.#link = null;
      tried();
      if (this.#closing.signal.aborted) return;
      if (!isTold) this.#log.warn(`Socket.IO's calls reach no other node: ${reason}`);
      isTold = true;
      await this.clock.sleep(delayMs, signal).catch(() => undefined);
      delayMs = Math.min(LONGEST_RETRY_MS, delayMs * 2);
    }
  }

  #newLink(): RedisLink {
    const listener = {
      heard: (channel: string, text: string) => this.#heard(channel, text),
      lost: (reason: string) => this.#end(reason),
    };
    const pulse = (redis: RedisLink['commands']): Promise<void> => redis.ping().then(() => undefined);
    return new RedisLink(this.url, `${this.clusterName}-sockets`, this.clock, listener, pulse);
  }

  #heard(channel: string, text: string): void {
    try {
      const payload = text.startsWith(BYTES) ? Buffer.from(text.slice(BYTES.length), 'base64') : Buffer.from(text);
      this.#handlers.get(channel)?.(payload, channel);
    } catch (error) {
      this.#log.defect(error);
    }
  }
}

/** Before what is no text: a link carries texts. The adapter's own texts begin with a brace. */
const BYTES = 'base64:';
