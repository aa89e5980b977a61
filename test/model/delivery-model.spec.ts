import { describe, it } from '@jest/globals';

import { tellStories } from './delivery-story.js';
import { OneServer } from './stage.js';

describe('Clients that connect, switch, lag, drop and come back at random', () => {
  it('each see the log: in order, gapless, each event once', async () => {
    const parts = [
      [300, 1_000],
      [300, 1_000],
      [0, 300],
    ] as const;
    const done = await tellStories({ stage: () => OneServer.start(), places: 1, parts, runs: 4 });
    process.stdout.write(`delivery model: ${done}\n`);
  }, 300_000);
});
