import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { Campaign } from './campaign.js';
import { NONE } from './counts.js';
import type { KillPoint } from './faults.js';
import { chooseSeed } from './random.js';

const POINTS: readonly KillPoint[] = [
  'before the commit',
  'inside the commit',
  'before the delivery',
  'before the answer',
];
/** Each point in the commit of a message, and in any commit. */
const ROUNDS = POINTS.flatMap((at) => [{ at, of: 'message' as const }, { at }, { at, of: 'message' as const }]);

describe('A server that is killed between two steps of a commit', () => {
  const dirs = new TempDirs();
  let campaign: Campaign;
  beforeEach(async () => {
    campaign = new Campaign(chooseSeed(), await dirs.make());
  });
  afterEach(async () => {
    await campaign.end();
    await dirs.remove();
  });

  it(`loses, repeats and changes nothing, ${ROUNDS.length} times, nor when killed in recovery`, async () => {
    const { counts } = campaign.ledger;
    for (const { at, of } of ROUNDS) {
      await campaign.start({ faults: [] });
      await campaign.comeBack();
      const pass = campaign.random.whole(1, of === undefined ? 20 : 2);
      // Before a commit it is not known what will be in it.
      const counted = of === undefined || at === 'before the commit' ? {} : { of };
      await campaign.server.order({ do: 'die', at, pass, ...counted });
      campaign.sendSome();
      await campaign.over();
      expect(campaign.server.output).toContain(`died ${at}`);
      counts.tell(`killed ${at}`);
    }

    for (const at of ['inside the commit', 'before the delivery'] as const) {
      await expect(campaign.start({ faults: [{ do: 'die', at, pass: 1 }] })).rejects.toThrow('was not said');
      await campaign.over();
      expect(campaign.server.output).toContain(`died ${at}`);
      counts.tell('killed in recovery');
    }

    await campaign.start();
    await campaign.comeBack();
    await campaign.finish();
    counts.print(`kill -9 between two steps, seed ${campaign.seed}`);
    expect(counts.faults).toEqual(NONE);
    // Otherwise nothing was tried: requests have to be cut off on both sides of their commit.
    expect(counts.told.get('requests cut off and stored')).toBeGreaterThan(0);
    expect(counts.told.get('requests cut off and not stored')).toBeGreaterThan(0);
    expect(counts.told.get('runs cut off')).toBeGreaterThan(0);
  }, 400_000);
});
