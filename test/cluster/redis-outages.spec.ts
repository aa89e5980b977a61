import { afterEach, describe, expect, it } from '@jest/globals';

import { eventually } from '../e2e/gateway-kit.js';
import { NONE } from '../fault/counts.js';
import { ClusterCampaign } from './cluster-campaign.js';
import { Cluster } from './cluster.js';

type Outage = readonly [name: string, begin: (cluster: Cluster) => unknown, end: (cluster: Cluster) => unknown];

const OUTAGES: readonly Outage[] = [
  ['is stopped and started', ({ redis }) => redis.stop(), ({ redis }) => redis.start()],
  ['is killed and started with nothing in it', ({ redis }) => redis.kill(), ({ redis }) => redis.start()],
  ['freezes, and closes nothing', ({ redis }) => redis.freeze(), ({ redis }) => redis.thaw()],
  [
    'is behind a network that swallows everything',
    ({ nodes }) => nodes.forEach(({ redis }) => redis.silence()),
    ({ nodes }) => nodes.forEach(({ redis }) => redis.restore()),
  ],
];

describe('A cluster whose Redis', () => {
  let cluster: Cluster | null = null;
  let campaign: ClusterCampaign | null = null;
  afterEach(async () => {
    campaign?.end();
    await cluster?.end();
  });

  it(`${OUTAGES.map(([name]) => name).join(', ')} goes on, and is degraded only meanwhile`, async () => {
    const running = await Cluster.start();
    cluster = running;
    const talk = new ClusterCampaign(running);
    campaign = talk;
    await talk.begin();
    const statusIs = (status: string) =>
      eventually(`all nodes are ${status}`, async () => {
        const all = await Promise.all(running.nodes.map((node) => node.readiness()));
        return all.every((one) => one.code === 200 && one.status === status);
      });
    for (const [, begin, end] of OUTAGES) {
      talk.sendSome();
      await begin(running);
      talk.sendSome();
      await statusIs('degraded');
      talk.sendSome();
      // All of it happens without Redis: messages, runs, and delivery on both nodes.
      await talk.quiet();
      await end(running);
      talk.sendSome();
      await statusIs('ok');
      await talk.quiet();
      talk.ledger.counts.tell('outages');
    }
    await talk.finish('Redis gone and back');
    expect(talk.ledger.counts.faults).toEqual(NONE);
    expect(talk.ledger.counts.told.get('requests refused and sent again') ?? 0).toBe(0);
  }, 400_000);
});
