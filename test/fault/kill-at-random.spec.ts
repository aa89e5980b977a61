import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { Campaign } from './campaign.js';
import { NONE } from './counts.js';
import { chooseSeed } from './random.js';

const ROUNDS = 6;
/** About what the clients get in a round before it grows quiet. */
const SIGHTINGS = 900;

describe('A server that is killed at any moment', () => {
  const dirs = new TempDirs();
  let campaign: Campaign;
  beforeEach(async () => {
    campaign = new Campaign(chooseSeed(), await dirs.make());
  });
  afterEach(async () => {
    await campaign.end();
    await dirs.remove();
  });

  it(`loses, repeats and changes nothing, ${ROUNDS} times`, async () => {
    const { counts } = campaign.ledger;
    for (let round = 1; round <= ROUNDS; round += 1) {
      await campaign.start();
      campaign.killAtSighting(campaign.random.whole(1, SIGHTINGS));
      const { server } = campaign;
      const traffic = async (): Promise<void> => {
        await campaign.comeBack();
        campaign.sendSome();
        await campaign.quiet();
        server.kill();
      };
      await Promise.race([traffic(), server.exit()]);
      await campaign.over();
      expect(await campaign.server.exit()).toEqual({ code: null, signal: 'SIGKILL' });
      counts.tell('kills');
    }
    await campaign.start();
    await campaign.comeBack();
    await campaign.finish();

    counts.print(`kill -9 at any moment, seed ${campaign.seed}`);
    expect(counts.faults).toEqual(NONE);
  }, 400_000);
});
