import { afterEach, describe, expect, it } from '@jest/globals';

import { NONE } from '../fault/counts.js';
import { Balancer } from './balancer.js';
import { ClusterCampaign } from './cluster-campaign.js';
import { Cluster } from './cluster.js';

const RUNS_AT_ONCE = 6;
/** What is promised, and is printed as measured. A busy machine is late: the order of magnitude is what must hold. */
const PROMISED_MS = 3_000;
const GUARD_MS = 5 * PROMISED_MS;

describe('A rolling restart of a loaded cluster', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('loses and repeats nothing for clients that come back by themselves', async () => {
    const cluster = await Cluster.start();
    ends.push(() => cluster.end());
    const balancer = await Balancer.before(() => cluster.nodes.map(({ url }) => url));
    ends.push(() => balancer.close());
    const campaign = new ClusterCampaign(cluster);
    ends.push(() => campaign.end());
    await campaign.begin(balancer.url);
    const { ledger, awayMs } = campaign;

    campaign.keepBusy(RUNS_AT_ONCE);
    for (const node of cluster.nodes) {
      const before = ledger.asked.size;
      await campaign.until(() => ledger.asked.size > before + RUNS_AT_ONCE && ledger.underWay().length > 1);
      ledger.counts.tell('runs under way at a restart', ledger.underWay().length);
      node.process.kill('SIGTERM');
      expect(await node.process.exit()).toEqual({ code: 0, signal: null });
      await node.start();
      ledger.counts.tell('nodes restarted');
    }
    const before = ledger.asked.size;
    await campaign.until(() => ledger.asked.size > before + RUNS_AT_ONCE);
    campaign.keepBusy(0);
    await campaign.finish('a rolling restart');
    const longest = Math.max(...awayMs);
    process.stdout.write(`  longest absence ${Math.round(longest)} ms of ${awayMs.length}; ${PROMISED_MS} promised\n`);

    expect(ledger.counts.faults).toEqual(NONE);
    expect(awayMs.length).toBeGreaterThan(0);
    expect(longest).toBeLessThan(GUARD_MS);
  }, 200_000);
});
