import type { Redis } from 'ioredis';

import type { ClusterNode } from '../bus.js';

/** A node that has not shown life for so long is not asked any more. */
const ALIVE_MS = 5_000;
/** More nodes than anybody runs: what is beyond is not looked at. */
const MAX_NODES = 1_000;

/**
 * The nodes that live, as keys that expire and a set of their names. Each node renews its own, and takes names out of
 * the set whose keys are gone.
 */
export class LiveNodes {
  #known: readonly ClusterNode[];

  constructor(
    private readonly prefix: string,
    private readonly self: ClusterNode,
  ) {
    this.#known = [self];
  }

  /** This node first. */
  get all(): readonly ClusterNode[] {
    return this.#known;
  }

  async renew(redis: Redis): Promise<void> {
    const { nodeId } = this.self;
    const [, , names] = await Promise.all([
      redis.set(this.key(nodeId), JSON.stringify(this.self), 'PX', ALIVE_MS),
      redis.sadd(this.#names(), nodeId),
      redis.smembers(this.#names()),
    ]);
    const others = names.filter((name) => name !== nodeId).slice(0, MAX_NODES);
    const values = others.length === 0 ? [] : await redis.mget(others.map((name) => this.key(name)));
    const gone = others.filter((_, index) => values[index] === null);
    if (gone.length > 0) await redis.srem(this.#names(), ...gone);
    const found = values.map((value) => nodeOf(value)).filter((node) => node !== null);
    this.#known = [this.self, ...found];
  }

  /** A node that leaves is not waited for. */
  async leave(redis: Redis): Promise<void> {
    const { nodeId } = this.self;
    await Promise.all([redis.del(this.key(nodeId)), redis.srem(this.#names(), nodeId)]);
  }

  forget(nodeId: string): void {
    this.#known = this.#known.filter((node) => node.nodeId !== nodeId || node === this.self);
  }

  key(nodeId: string): string {
    return `${this.prefix}:node:${nodeId}`;
  }

  #names(): string {
    return `${this.prefix}:nodes`;
  }
}

function nodeOf(value: string | null): ClusterNode | null {
  if (value === null) return null;
  const { nodeId, startedAt } = JSON.parse(value) as ClusterNode;
  return { nodeId, startedAt };
}
