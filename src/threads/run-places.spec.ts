import { describe, expect, it } from '@jest/globals';

import type { RunId } from '../ids/index.js';
import { RunPlaces } from './run-places.js';

const [ONE, TWO, THREE] = ['one', 'two', 'three'] as RunId[] as [RunId, RunId, RunId];

describe('The places of a node', () => {
  it('are as many as it may execute, asked for and kept ones together', () => {
    const places = new RunPlaces({ node: 'node_1', maxRuns: 2 });
    const [first, second] = [places.ask(), places.ask()];
    expect([places.free, places.ask()]).toEqual([0, null]);
    first?.keep(ONE);
    second?.giveBack();
    second?.giveBack();
    expect(places.free).toBe(1);
    second?.keep(TWO);
    first?.giveBack();
    expect(places.free).toBe(1);
    places.leave(ONE);
    places.leave(ONE);
    expect(places.free).toBe(2);
  });

  it('may be more than that for runs that are its own already, and then none is free for long', () => {
    const places = new RunPlaces({ node: 'node_1', maxRuns: 1 });
    for (const runId of [ONE, TWO, THREE]) places.keep(runId);
    for (const runId of [ONE, TWO]) places.leave(runId);
    expect(places.ask()).toBeNull();
    places.leave(THREE);
    expect(places.ask()).not.toBeNull();
  });

  it('are none where it begins nothing any more, and without a cluster', () => {
    const places = new RunPlaces({ node: 'node_1' });
    places.close();
    expect([places.free, places.ask()]).toEqual([0, null]);
    expect(new RunPlaces({}).ask()).toBeNull();
  });

  it('are none while its lease is not kept, and those it has stay', () => {
    const places = new RunPlaces({ node: 'node_1', maxRuns: 2 });
    let isLeased = true;
    places.leaseBy(() => isLeased);
    places.ask()?.keep(ONE);
    isLeased = false;
    expect([places.free, places.ask(), places.leased]).toEqual([0, null, false]);
    isLeased = true;
    expect(places.free).toBe(1);
  });
});
