import type { OnModuleDestroy } from '@nestjs/common';
import type { Redis } from 'ioredis';

import type { Clock, Timer } from '../../clock/index.js';
import type { Metrics } from '../../metrics/index.js';
import { withDeadline } from '../../startup/index.js';
import { LocalPlaces } from '../local-places.js';
import type { PlaceKind } from '../user-places.js';
import type { RedisBus } from './redis-bus.js';
import { RedisScript } from './redis-script.js';

/** How long somebody who comes waits for what the other nodes have. */
const ANSWER_MS = 200;
/** All counts are said again so often, for a Redis or a reader that has lost them; what is not said again is forgotten. */
const REPEAT_MS = 60_000;
const KEPT_MS = 3 * REPEAT_MS;
const USERS_PER_COMMAND = 500;
const KINDS = ['connections', 'streams'] as const;

/**
 * KEYS: the user's counts by node. ARGV: this node, its own count with the new place, the most, how long counts are kept,
 * what the keys of living nodes begin with. What dead nodes have does not count, and is taken away.
 */
const ENTER = new RedisScript(`
  local counts = redis.call('HGETALL', KEYS[1])
  local others = 0
  for at = 1, #counts, 2 do
    if counts[at] ~= ARGV[1] then
      if redis.call('EXISTS', ARGV[5] .. counts[at]) == 1 then others = others + tonumber(counts[at + 1])
      else redis.call('HDEL', KEYS[1], counts[at]) end
    end
  end
  if others + tonumber(ARGV[2]) > tonumber(ARGV[3]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1
`);

/** KEYS: users' counts. ARGV: this node, how long counts are kept, and this node's count for each key. */
const SAY = new RedisScript(`
  for at = 1, #KEYS do
    if ARGV[at + 2] == '0' then redis.call('HDEL', KEYS[at], ARGV[1])
    else
      redis.call('HSET', KEYS[at], ARGV[1], ARGV[at + 2])
      redis.call('PEXPIRE', KEYS[at], ARGV[2])
    end
  end
`);

/**
 * A hash in Redis for each user, with the count of each node. Each node says its own count as it is, never that it has
 * changed by one: so whatever is lost or said twice is right again with the next word, and the counts of a node that died
 * are told from its key among the living ones. To look and to take is one step in Redis: of two nodes that want the last place,
 * one gets it.
 */
export class RedisPlaces extends LocalPlaces implements OnModuleDestroy {
  readonly #timer: Timer;
  readonly #stopListening: () => void;
  /** Users whose count Redis has not been told. */
  readonly #unsaid: Readonly<Record<PlaceKind, Set<string>>> = { connections: new Set(), streams: new Set() };
  #isScheduled = false;

  constructor(
    private readonly bus: RedisBus,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super();
    this.#timer = clock.every(REPEAT_MS, () => this.#sayAll());
    this.#stopListening = bus.onState((state) => {
      if (state === 'joined') this.#sayAll();
    });
  }

  onModuleDestroy(): void {
    this.#timer.cancel();
    this.#stopListening();
  }

  override enter(kind: PlaceKind, userId: string, most: number): boolean | Promise<boolean> {
    // Taken here first: whoever comes meanwhile finds it taken.
    if (super.enter(kind, userId, most) === false) return this.#count(kind, 'full', false);
    const { commands } = this.bus;
    if (commands === null) return this.#count(kind, 'unchecked', true);
    return this.#enterEverywhere(commands, kind, userId, most);
  }

  override leave(kind: PlaceKind, userId: string): void {
    super.leave(kind, userId);
    this.#say(kind, userId);
  }

  async #enterEverywhere(redis: Redis, kind: PlaceKind, userId: string, most: number): Promise<boolean> {
    const keys = [this.#keyOf(kind, userId)];
    const values = [this.bus.nodeId, this.countOf(kind, userId), most, KEPT_MS, this.bus.nodeKey('')];
    try {
      const given = await withDeadline(this.clock, ANSWER_MS, () => ENTER.run(redis, keys, values));
      if (given === 1) return this.#count(kind, 'checked', true);
    } catch {
      this.#say(kind, userId);
      return this.#count(kind, 'unchecked', true);
    }
    this.leave(kind, userId);
    return this.#count(kind, 'full', false);
  }

  #say(kind: PlaceKind, userId: string): void {
    this.#unsaid[kind].add(userId);
    this.#schedule();
  }

  #sayAll(): void {
    for (const kind of KINDS) for (const userId of this.usersWith(kind)) this.#unsaid[kind].add(userId);
    this.#schedule();
  }

  /** What changes in one turn is said together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.clock.soon(() => {
      this.#isScheduled = false;
      for (const kind of KINDS) this.#flush(kind);
    });
  }

  /** What cannot be said now is said with all the rest, when Redis is there again. */
  #flush(kind: PlaceKind): void {
    const userIds = [...this.#unsaid[kind]];
    this.#unsaid[kind].clear();
    const { commands } = this.bus;
    if (commands === null) return;
    for (let start = 0; start < userIds.length; start += USERS_PER_COMMAND) {
      const said = userIds.slice(start, start + USERS_PER_COMMAND);
      const counts = said.map((userId) => this.countOf(kind, userId));
      const keys = said.map((userId) => this.#keyOf(kind, userId));
      SAY.run(commands, keys, [this.bus.nodeId, KEPT_MS, ...counts]).catch(() => undefined);
    }
  }

  #keyOf(kind: PlaceKind, userId: string): string {
    return this.bus.key(`places:${kind}:${userId}`);
  }

  #count<Given extends boolean>(kind: PlaceKind, outcome: 'checked' | 'unchecked' | 'full', given: Given): Given {
    this.metrics.add('threadcast_cluster_places_total', { kind, outcome });
    return given;
  }
}
