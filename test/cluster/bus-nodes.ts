import { randomUUID } from 'node:crypto';

import type { Bus } from '../../src/cluster/index.js';
import { RedisBus } from '../../src/cluster/redis/redis-bus.js';
import { ThisNode } from '../../src/cluster/this-node.js';
import { SystemClock } from '../../src/clock/index.js';
import { RandomIdGenerator } from '../../src/ids/index.js';
import { Metrics } from '../../src/metrics/index.js';

const clock = new SystemClock();
const ids = new RandomIdGenerator();

/** A name that no other test's keys and channels have. */
export function newClusterName(): string {
  return `t-${randomUUID()}`;
}

/** Nodes of one cluster, in this process. */
export class BusNodes {
  readonly #made: RedisBus[] = [];

  constructor(private readonly clusterName = newClusterName()) {}

  /** One that has not joined yet. */
  make(url: string, metrics = new Metrics()): RedisBus {
    const bus = new RedisBus({ url, clusterName: this.clusterName }, new ThisNode(ids, clock), ids, clock, metrics);
    this.#made.push(bus);
    return bus;
  }

  /** So many, each of which knows the others. */
  async joined(url: string, count: number): Promise<Bus[]> {
    const made = Array.from({ length: count }, () => this.make(url));
    await Promise.all(made.map((bus) => bus.join()));
    for (const bus of made) while (bus.nodes().length < count) await turn();
    return made;
  }

  async close(): Promise<void> {
    await Promise.all(this.#made.splice(0).map((bus) => bus.close()));
  }
}

/** What is pending has its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
