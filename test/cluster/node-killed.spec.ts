import { afterEach, describe, expect, it } from '@jest/globals';

import { NONE } from '../fault/counts.js';
import { ClusterCampaign } from './cluster-campaign.js';
import { Cluster } from './cluster.js';

const ROUNDS = 2;
/** About what the clients get in a round before it grows quiet. */
const SIGHTINGS = 900;

describe('A node that is killed in the middle of runs', () => {
  let cluster: Cluster | null = null;
  let campaign: ClusterCampaign | null = null;
  afterEach(async () => {
    campaign?.end();
    await cluster?.end();
  });

  it(`has its clients go on at another node, without a hole or a repetition, ${ROUNDS} times`, async () => {
    cluster = await Cluster.start();
    campaign = new ClusterCampaign(cluster);
    await campaign.begin();
    const { ledger, random } = campaign;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [dying, other] = [round % 2, (round + 1) % 2];
      const node = cluster.node(dying);
      const killed = new Promise<void>((resolve) => {
        campaign?.atSighting(random.whole(1, SIGHTINGS), () => {
          node.process.kill('SIGKILL');
          resolve();
        });
      });
      campaign.sendSome(12);
      await Promise.race([killed, campaign.quiet().then(() => node.process.kill('SIGKILL'))]);
      expect(await node.process.exit()).toEqual({ code: null, signal: 'SIGKILL' });
      await campaign.gone(dying);
      ledger.counts.tell('kills');
      ledger.counts.tell('runs under way at a kill', ledger.underWay().length);
      await campaign.comeBack(other);
      campaign.sendSome();
      // What the dead node ran has its end although it has not come back.
      await campaign.quiet();
      await node.start();
    }
    await campaign.finish('kill -9 of a node');
    expect(ledger.counts.faults).toEqual(NONE);
  }, 400_000);
});
