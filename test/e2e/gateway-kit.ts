import { expect } from '@jest/globals';

import { Channels } from '../../src/delivery/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import type { ManualClock, TestServer } from '../../src/testing/index.js';

/** A step of a race: calls stand before it, in order, until the test lets them go. */
export class Hold {
  #arrivals = 0;
  #open!: () => void;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  /** Holds so many calls; the others pass. */
  constructor(private readonly calls = Number.POSITIVE_INFINITY) {}

  pass(): Promise<void> {
    this.#arrivals += 1;
    return this.#arrivals > this.calls ? Promise.resolve() : this.#opened;
  }

  /** Resolves when so many calls have come, held or not. */
  arrived(calls = 1): Promise<void> {
    return eventually(`call ${calls} of a held step`, () => this.#arrivals >= calls);
  }

  /** Lets go what is held, and holds nothing any more. */
  release(): void {
    this.#open();
  }
}

/** Holds the first calls of a method before they do anything. The method itself stays what it is. */
export function hold<T extends object>(target: T, method: keyof T, calls = Number.POSITIVE_INFINITY): Hold {
  const gate = new Hold(calls);
  const real = target[method] as (...args: unknown[]) => unknown;
  const held = async (...args: unknown[]): Promise<unknown> => {
    await gate.pass();
    return Reflect.apply(real, target, args);
  };
  Object.defineProperty(target, method, { value: held, configurable: true, writable: true });
  return gate;
}

/** Resolves when it is so: looked at again after each turn of the event loop. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const patience = AbortSignal.timeout(10_000);
  while (!(await isSo())) {
    if (patience.aborted) throw new Error(`It did not happen: ${what}.`);
    await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Closes a server whose time stands still: time moves on with the turns of the event loop. */
export async function closeByHand(server: TestServer, clock: ManualClock): Promise<void> {
  await drivenByHand(server.close(), clock);
}

/** What takes time on a manual clock: moves it until the promise has settled. */
export async function drivenByHand<T>(work: Promise<T>, clock: ManualClock): Promise<T> {
  const state = { settled: false };
  const settled = work.finally(() => (state.settled = true));
  while (!state.settled) {
    clock.advance(1);
    await nextTurn();
  }
  return settled;
}

/** The connections as the server counts them; zeros are left out. */
export async function connectionGauges(server: TestServer): Promise<Record<string, number>> {
  const gauges: Record<string, number> = {};
  for (const state of ['accepted', 'authenticated', 'ready', 'closed']) {
    const value = await server.metrics.value('threadcast_gateway_connections', { state });
    if (value !== 0) gauges[state] = value;
  }
  return gauges;
}

/** Waits until the server knows of no connection, and shows that none has left anything behind. */
export async function expectNothingLeft(server: TestServer): Promise<void> {
  const registry = server.get(ConnectionRegistry);
  const channels = server.get(Channels);
  await eventually('all connections are gone', () => registry.size === 0);
  await eventually('all channels are gone', () => channels.size === 0);
  expect(registry.unauthenticated).toBe(0);
  expect(await connectionGauges(server)).toEqual({});
  expect(await server.metrics.value('threadcast_delivery_channels', {})).toBe(0);
  for (const state of ['placed', 'replaying', 'live', 'behind', 'closed']) {
    expect(await server.metrics.value('threadcast_delivery_attachments', { state })).toBe(0);
  }
}

/** How many requests of this type ended so. */
export function requestCount(server: TestServer, request: string, outcome: string): Promise<number> {
  return server.metrics.value('threadcast_gateway_requests_total', { request, outcome });
}

/** How many connections ended for this reason. */
export function closedCount(server: TestServer, reason: string): Promise<number> {
  return server.metrics.value('threadcast_gateway_closed_total', { reason });
}
