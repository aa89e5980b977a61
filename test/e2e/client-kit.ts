import { ThreadcastClient, type ClientOptions, type FollowedThread, type ThreadEvent } from '../../src/client/index.js';
import { eventually } from './gateway-kit.js';

/** Clients that are closed with the test. */
export class Clients {
  readonly #all: ThreadcastClient[] = [];

  open(options: ClientOptions): ThreadcastClient {
    const client = new ThreadcastClient({ ...options, socket: { reconnectionDelay: 10, ...options.socket } });
    this.#all.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((client) => client.close()));
  }
}

/** Everything that a thread hands on, from now on. */
export function gathered(thread: FollowedThread): ThreadEvent[] {
  const all: ThreadEvent[] = [];
  thread.onEvents((events) => all.push(...events));
  return all;
}

/** Every seq that these cover, in their order. */
export function covered(events: readonly ThreadEvent[]): number[] {
  return events.flatMap(({ from, seq }) =>
    Array.from({ length: seq - (from ?? seq) + 1 }, (_, i) => (from ?? seq) + i),
  );
}

/** 1 … n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

export async function came(events: readonly ThreadEvent[], type: ThreadEvent['type'], times = 1): Promise<void> {
  await eventually(`${type} comes`, () => events.filter((event) => event.type === type).length >= times);
}
