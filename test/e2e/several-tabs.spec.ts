import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Storage } from '../../src/storage/index.js';
import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { eventually, expectNothingLeft, hold } from './gateway-kit.js';

describe('Closing one tab of several', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  const left = (count: number) =>
    eventually(`${count} connections are left`, () => server.get(ConnectionRegistry).size === count);

  const tabs = (threadId: unknown, count: number): Promise<TestClient[]> =>
    Promise.all(Array.from({ length: count }, () => server.ready('alice', { auth: { threadId } })));

  it('leaves the others on the same thread, in the middle of a run', async () => {
    const first = await server.ready('alice');
    const { threadId } = await first.ask('create_thread', {});
    const [one, two, three] = await tabs(threadId, 3);
    await one!.ask('user_message', { content: 'a b c d', metadata: { echo: { ask: 'go?' } } });
    await Promise.all([one, two, three].map((tab) => tab!.next('input_requested')));
    one!.close();
    await left(3);
    const asked = two!.events(threadId).find((event) => event.type === 'input_requested')!;
    const { requestId } = asked.data as { requestId: string };
    await two!.ask('provide_input', { runId: asked.runId, requestId, value: 'a b c d' });
    await Promise.all([two, three].map((tab) => tab!.next('agent_completed')));

    for (const tab of [two!, three!]) {
      checkContiguous(tab.events(threadId));
      expect(deltaText(tab.events(threadId))).toBe('a b c d');
    }
    expect(first.events(threadId)).toEqual([]);
  });

  it('leaves the others on their own threads, and a second user where they are', async () => {
    const one = await server.ready('alice');
    const two = await server.ready('alice');
    const bob = await server.ready('bob');
    const own = await two.ask('user_message', { content: 'mine' });
    await two.next('agent_completed');
    await one.ask('user_message', { content: 'other' });
    const bobs = await bob.ask('user_message', { content: 'hello' });
    one.close();
    await left(2);

    expect(await two.ask('user_message', { content: 'again' })).toMatchObject({ threadId: own['threadId'] });
    expect(await bob.ask('user_message', { content: 'again' })).toMatchObject({ threadId: bobs['threadId'] });
    await two.next('agent_completed');
    checkContiguous(two.events(own['threadId']));
  });

  it('does not stop the run that it started: the others see its end', async () => {
    const watcher = await server.ready('alice');
    const { threadId } = await watcher.ask('create_thread', {});
    await watcher.ask('subscribe_thread', { threadId });
    const asker = await server.ready('alice', { auth: { threadId } });
    const append = hold(server.get(Storage), 'transact');
    asker.socket.emit('user_message', { content: 'to the end' });
    await append.arrived();
    asker.close();
    await left(1);
    append.release();
    await watcher.next('agent_completed');

    checkContiguous(watcher.events(threadId));
    expect(deltaText(watcher.events(threadId))).toBe('to the end');
  });

  it('of all of them leaves nothing behind, and a new one finds everything', async () => {
    const first = await server.ready('alice');
    const { threadId } = await first.ask('user_message', { content: 'kept' });
    await first.next('agent_completed');
    const others = await tabs(threadId, 3);
    for (const tab of [first, ...others]) tab.close();
    await expectNothingLeft(server);

    const again = await server.ready('alice', { auth: { threadId, after: 0 } });
    await again.next('thread_caught_up');
    checkContiguous(again.events(threadId));
    expect(deltaText(again.events(threadId))).toBe('kept');
  });
});
