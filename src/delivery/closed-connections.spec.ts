import { beforeEach, describe, expect, it } from '@jest/globals';

import type { ConnectionId } from '../ids/index.js';
import { ManualClock } from '../testing/index.js';
import { ClosedConnectionBounds, ClosedConnections } from './closed-connections.js';

let clock: ManualClock;
let closed: ClosedConnections;

const id = (name: string | number): ConnectionId => `conn_${name}` as ConnectionId;

beforeEach(() => {
  clock = new ManualClock();
  closed = new ClosedConnections(clock, Object.assign(new ClosedConnectionBounds(), { maxKept: 5, maxPerUser: 3 }));
});

describe('Connections that have closed', () => {
  it('are known to the user that they belonged to, and to nobody else', () => {
    closed.add(id('a'), 'alice');

    expect(closed.has(id('a'), 'alice')).toBe(true);
    expect(closed.has(id('a'), 'bob')).toBe(false);
    expect(closed.has(id('never'), 'alice')).toBe(false);
  });

  it('are forgotten after a minute', () => {
    closed.add(id('a'), 'alice');
    clock.advance(60_000);
    expect(closed.has(id('a'), 'alice')).toBe(true);
    clock.advance(1);

    expect(closed.has(id('a'), 'alice')).toBe(false);
    expect(closed.size).toBe(0);
  });

  it('are so many per user: another user’s stay', () => {
    closed.add(id('b'), 'bob');
    for (let nth = 1; nth <= 10; nth += 1) closed.add(id(nth), 'alice');

    expect(closed.size).toBe(4);
    expect([7, 8, 10].map((nth) => closed.has(id(nth), 'alice'))).toEqual([false, true, true]);
    expect(closed.has(id('b'), 'bob')).toBe(true);
  });

  it('are so many in all, the oldest forgotten first', () => {
    for (let nth = 1; nth <= 7; nth += 1) closed.add(id(nth), `user${nth}`);

    expect(closed.size).toBe(5);
    expect([2, 3, 7].map((nth) => closed.has(id(nth), `user${nth}`))).toEqual([false, true, true]);
  });
});
