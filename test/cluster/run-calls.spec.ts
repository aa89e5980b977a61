import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentsOptions } from '../../src/agents/agents-options.js';
import { RunCalls } from '../../src/agents/cluster/run-calls.js';
import { SystemClock } from '../../src/clock/index.js';
import type { RunId } from '../../src/ids/index.js';
import { Metrics } from '../../src/metrics/index.js';
import type { TcpProxy } from '../../src/testing/index.js';
import { newClusterName, turn } from './bus-nodes.js';
import { proxyTo, through } from './cluster.js';
import { TEST_REDIS_URL } from './redis-url.js';

const MAX_UNSENT = 1_000;

/** What one node hears, and whether it has room. */
class Hearer {
  readonly heard: RunId[] = [];
  readonly metrics = new Metrics();
  readonly calls: RunCalls;
  hasRoom = true;

  constructor(redisUrl: string, clusterName: string) {
    const options = Object.assign(new AgentsOptions(), { cluster: { redisUrl, clusterName } });
    this.calls = new RunCalls(options, new SystemClock(), this.metrics);
    this.calls.start((runId) => {
      if (this.hasRoom) this.heard.push(runId);
      return Promise.resolve(this.hasRoom ? 'done' : 'full');
    });
  }

  outcomes(outcome: 'sent' | 'dropped'): Promise<number> {
    return this.metrics.value('threadcast_agents_calls_total', { outcome });
  }

  /** Calls until one is sent: before the connection is made nothing is. */
  async call(runId: string): Promise<void> {
    const before = await this.outcomes('sent');
    for (let said = false; !said; said = (await this.outcomes('sent')) > before) {
      if ((await this.outcomes('sent')) === before) this.calls.call(runId as RunId);
      for (let n = 0; n < 20; n += 1) await turn();
    }
  }
}

describe('Runs that are called out', () => {
  let proxy: TcpProxy;
  let name: string;
  const hearers: Hearer[] = [];

  beforeEach(async () => {
    proxy = await proxyTo(TEST_REDIS_URL, 6_379);
    name = newClusterName();
  });

  afterEach(async () => {
    await Promise.all(hearers.splice(0).map(({ calls }) => calls.close()));
    await proxy.close();
  });

  function hearer(url = TEST_REDIS_URL): Hearer {
    const made = new Hearer(url, name);
    hearers.push(made);
    return made;
  }

  it('are heard by a node that has room, and by one again that has room again', async () => {
    const [full, free] = [hearer(), hearer()];
    full.hasRoom = false;
    full.calls.pause();
    for (const run of ['run-1', 'run-2', 'run-3']) await full.call(run);
    while (new Set(free.heard).size < 3) await turn();
    free.hasRoom = false;
    await free.call('run-4');
    free.calls.pause();
    full.hasRoom = true;
    full.calls.resume();
    while (!full.heard.includes('run-4' as RunId)) await turn();
  });

  it('wait for nobody while Redis is away or silent, are bounded, and nothing holds up the end', async () => {
    const away = hearer(through(proxy, TEST_REDIS_URL));
    await away.call('run-1');
    proxy.silence();
    const [sent, dropped] = [await away.outcomes('sent'), await away.outcomes('dropped')];
    for (let n = 0; n < MAX_UNSENT + 500; n += 1) away.calls.call(`silent-${n}` as RunId);
    expect((await away.outcomes('dropped')) - dropped).toBeGreaterThanOrEqual(500);
    expect(await away.outcomes('sent')).toBe(sent);
    await away.calls.close();
    await away.calls.close();
    away.calls.call('late' as RunId);
    expect((await away.outcomes('dropped')) - dropped).toBeGreaterThan(500);
  });

  it('go out again once Redis is back', async () => {
    const [away, other] = [hearer(through(proxy, TEST_REDIS_URL)), hearer()];
    other.calls.pause();
    await away.call('run-1');
    proxy.cut();
    away.calls.call('lost' as RunId);
    proxy.restore();
    await away.call('run-2');
    while (!away.heard.includes('run-2' as RunId)) await turn();
  });
});
