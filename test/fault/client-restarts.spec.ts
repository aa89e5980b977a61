import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { NetworkCut } from '../../src/testing/index.js';
import { Clients, came, covered, gathered, upTo } from '../e2e/client-kit.js';
import { eventually } from '../e2e/gateway-kit.js';
import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess } from './server-process.js';

describe('threadcast/client and a server that is killed', () => {
  const dirs = new TempDirs();
  const clients = new Clients();
  const processes: ServerProcess[] = [];
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await dirs.make();
  });

  afterEach(async () => {
    await clients.close();
    await Promise.all(processes.splice(0).map((process) => process.end()));
    await dirs.remove();
  });

  async function started(): Promise<ServerProcess> {
    const process = new ServerProcess({ dataDir });
    processes.push(process);
    await process.ready();
    return process;
  }

  it('goes on where it was, sends once what was not answered, and sees the end of the run that was cut off', async () => {
    const first = await started();
    const network = await NetworkCut.to(first.url);
    const token = await first.token('alice');
    const alice = clients.open({ url: network.url, token: () => token });
    const bob = clients.open({ url: network.url, token: await first.token('bob') });
    const { threadId } = await alice.start('echo', { input: { text: 'word ', repeat: 100_000, delayMs: 5 } });
    const thread = alice.follow(threadId);
    const events = gathered(thread);
    const of = gathered(bob.follow((await bob.createThread()).threadId));
    await came(events, 'agent_delta', 3);
    network.holdAnswers();
    const sent = alice.send('and then', { threadId });
    first.kill();
    await first.exit();
    const second = await started();
    network.leadTo(second.url);
    network.cut();
    const answer = await sent;
    await came(events, 'agent_completed');

    expect(answer.threadId).toBe(threadId);
    expect(events.filter(({ type }) => type === 'message_created')).toHaveLength(1);
    expect(events.find(({ type }) => type === 'agent_error')).toMatchObject({ data: { code: 'run_interrupted' } });
    expect(covered(events)).toEqual(upTo(thread.cursor.seq));
    await eventually('bob is back', () => bob.state.status === 'ready');
    expect(of).toEqual([]);
    for (const client of [alice, bob]) expect(client.state).toMatchObject({ holes: 0, repetitions: 0 });
    await network.close();
  });
});
