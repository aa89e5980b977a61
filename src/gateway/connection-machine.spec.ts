import { describe, expect, it } from '@jest/globals';

import { mayBecome, type ConnectionState } from './connection-machine.js';

const STATES: readonly ConnectionState[] = ['accepted', 'authenticated', 'ready', 'closed'];

describe('The life of a connection', () => {
  it('goes forward step by step, may close from anywhere, and never comes back', () => {
    const steps = STATES.flatMap((from) => STATES.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`));

    expect(steps).toEqual([
      'accepted → authenticated',
      'accepted → closed',
      'authenticated → ready',
      'authenticated → closed',
      'ready → closed',
    ]);
  });
});
