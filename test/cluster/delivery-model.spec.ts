import { describe, it } from '@jest/globals';

import { tellStories } from '../model/delivery-story.js';
import { DISTURBANCES, TwoServers } from './two-servers.js';

describe('Clients that connect, switch, lag, drop and move between two nodes at random, while Redis comes and goes', () => {
  it('each see the log: in order, gapless, each event once', async () => {
    const parts = [
      [100, 400],
      [100, 400],
      [50, 200],
    ] as const;
    const stage = () => TwoServers.start();
    const done = await tellStories({ stage, places: 2, parts, runs: 3, disturbances: DISTURBANCES });
    process.stdout.write(`delivery model on two nodes: ${done}\n`);
  }, 300_000);
});
