import { Redis } from 'ioredis';

import type { Clock } from '../../clock/index.js';
import { Log } from '../../logs/index.js';
import { reasonOf, withDeadline } from '../../startup/index.js';
import { SharedWords } from '../shared-words.js';

const AGREE_MS = 3_000;

/** Keys that the first one sets. They are asked for while the application is put together, before the bus is joined. */
export class RedisWords extends SharedWords {
  readonly #log = new Log('Bus');

  constructor(
    private readonly url: string,
    private readonly clusterName: string,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async agree(name: string, proposed: string): Promise<string> {
    const redis = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null, disableClientInfo: true });
    redis.on('error', () => undefined);
    try {
      return await withDeadline(this.clock, AGREE_MS, async () => {
        const key = `${this.clusterName}:word:${name}`;
        await redis.connect();
        await redis.set(key, proposed, 'NX');
        return (await redis.get(key)) ?? proposed;
      });
    } catch (error) {
      this.#log.warn(`The nodes could not agree on the ${name}, and this one goes its own way: ${reasonOf(error)}`);
      return proposed;
    } finally {
      redis.disconnect();
    }
  }
}
