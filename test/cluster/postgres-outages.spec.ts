import { afterEach, describe, expect, it } from '@jest/globals';

import { eventually } from '../e2e/gateway-kit.js';
import { NONE } from '../fault/counts.js';
import { ClusterCampaign } from './cluster-campaign.js';
import { Cluster } from './cluster.js';
import { OwnPostgres } from './own-postgres.js';

describe('A cluster whose PostgreSQL', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('is stopped, or crashes, refuses meanwhile what it cannot store, and goes on when it is back', async () => {
    const postgres = await OwnPostgres.start();
    ends.push(() => postgres.remove());
    const cluster = await Cluster.start({ databaseUrl: postgres.url });
    ends.push(() => cluster.end());
    const campaign = new ClusterCampaign(cluster);
    ends.push(() => campaign.end());
    await campaign.begin();
    const { counts } = campaign.ledger;
    const codeIs = (code: number) =>
      eventually(`the readiness of all nodes is ${code}`, async () => {
        const all = await Promise.all(cluster.nodes.map((node) => node.readiness()));
        return all.every((one) => one.code === code);
      });
    const probes = await Promise.all([cluster.client(0, 'carol'), cluster.client(1, 'carol')]);

    for (const how of ['stop', 'crash', 'stop'] as const) {
      campaign.sendSome();
      await postgres[how]();
      await codeIs(503);
      for (const [index, probe] of probes.entries()) {
        const asked = { content: 'while it is away', messageId: `${how}-${index}` };
        const answer = await probe.request('user_message', asked);
        expect(answer).toMatchObject({ ok: false, error: { code: 'storage_unavailable', retryable: true } });
        counts.tell('appends refused with storage_unavailable');
      }
      campaign.sendSome();
      await postgres.start();
      await codeIs(200);
      await campaign.until(() => campaign.ledger.unanswered().length === 0);
      campaign.askAgain();
      campaign.sendSome();
      await campaign.quiet();
      counts.tell('outages');
    }
    await campaign.finish('PostgreSQL gone and back');
    expect(counts.faults).toEqual(NONE);
  }, 400_000);
});
