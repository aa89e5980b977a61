import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { newThread, wire } from './scripted-server.js';

let server: TestServer;
let alice: TestClient;
let producer: TestClient;
let one: string;
let two: string;

beforeEach(async () => {
  server = await TestServer.start({ env: { MAX_FOLLOWED_THREADS: '3' } });
  alice = await server.ready('alice');
  producer = await server.ready('alice');
  one = await newThread(alice);
  two = await newThread(alice);
});

afterEach(() => server.close());

/** A whole run on a thread. */
async function talk(threadId: string): Promise<void> {
  const { runId } = await producer.ask('user_message', { threadId, content: 'hello' });
  await producer.next('agent_completed', (event) => event['runId'] === runId);
}

describe('A subscription', () => {
  it('follows beside the active thread, and is told as caught up', async () => {
    await alice.ask('switch_thread', { threadId: one });
    expect(await alice.ask('subscribe_thread', { threadId: two })).toEqual({
      ...{ ok: true, threadId: two, head: 0, epoch: expect.any(String) },
    });
    await talk(one);
    await talk(two);
    await alice.fence();

    for (const threadId of [one, two]) checkContiguous(alice.events(threadId));
    expect(alice.events(one)).not.toHaveLength(0);
    expect(wire(alice, two).slice(0, 2)).toEqual(['thread_caught_up', 'message_created 1']);
    expect(await alice.ask('user_message', { content: 'active' })).toMatchObject({ threadId: one });
  });

  it('keeps a thread followed when the active hold moves on', async () => {
    await alice.ask('subscribe_thread', { threadId: one });
    await alice.ask('switch_thread', { threadId: one });
    await alice.ask('switch_thread', { threadId: two });
    await talk(one);
    await alice.fence();

    expect(alice.events(one)).not.toHaveLength(0);
    checkContiguous(alice.events(one));
  });

  it('of the active thread repeats nothing, and either hold is enough', async () => {
    await alice.ask('switch_thread', { threadId: one });
    await alice.ask('subscribe_thread', { threadId: one });
    await talk(one);
    await alice.fence();

    checkContiguous(alice.events(one));
    await alice.ask('switch_thread', { threadId: two });
    await talk(one);
    await alice.fence();
    checkContiguous(alice.events(one));
    expect(alice.events(one).filter((event) => event.type === 'agent_completed')).toHaveLength(2);
  });

  it('ends both holds when it is given up, and nothing comes after the answer', async () => {
    await alice.ask('switch_thread', { threadId: one });
    await alice.ask('subscribe_thread', { threadId: one });
    expect(await alice.ask('unsubscribe_thread', { threadId: one })).toEqual({ ok: true, threadId: one });
    const from = alice.frames.length;
    await talk(one);
    await alice.fence();

    expect(wire(alice, one, from)).toEqual([]);
    const fresh = await alice.ask('user_message', { content: 'a new chat' });
    expect([one, two]).not.toContain(fresh['threadId']);
  });

  it('that was never there is given up alike, and so is one of somebody else', async () => {
    const bob = await server.ready('bob');

    for (const threadId of [one, 'thread_madeUp']) {
      expect(await bob.ask('unsubscribe_thread', { threadId })).toEqual({ ok: true, threadId });
    }
  });

  it('is refused past the bound; switching, which leaves one, is not', async () => {
    const threads = [one, two, await newThread(alice), await newThread(alice)];
    await alice.ask('switch_thread', { threadId: threads[0] });
    await alice.ask('subscribe_thread', { threadId: threads[1] });
    await alice.ask('subscribe_thread', { threadId: threads[2] });
    const refused = await alice.request('subscribe_thread', { threadId: threads[3] });
    expect(refused).toMatchObject({ error: { code: 'too_many_threads', retryable: false } });
    expect(await alice.ask('switch_thread', { threadId: threads[3] })).toMatchObject({ previousThreadId: threads[0] });

    await alice.ask('subscribe_thread', { threadId: threads[3] });
    const message = await alice.request('user_message', { threadId: threads[0], content: 'x', messageId: 'm' });
    expect(message).toMatchObject({ error: { code: 'too_many_threads' } });
    await alice.ask('unsubscribe_thread', { threadId: threads[1] });
    expect(await alice.ask('user_message', { threadId: threads[0], content: 'x', messageId: 'm' })).toMatchObject({
      ...{ associated: true, duplicate: false },
    });
  });

  it('leaves nothing behind when its connection closes', async () => {
    await alice.ask('subscribe_thread', { threadId: one, after: 0 });
    await alice.ask('switch_thread', { threadId: two });
    await talk(one);
    alice.close();
    await producer.ask('unsubscribe_thread', { threadId: one });
    const late = await server.ready('alice');
    await late.fence();

    expect(await server.metrics.value('threadcast_delivery_attachments', { state: 'live' })).toBe(0);
    expect(await server.metrics.value('threadcast_delivery_channels', {})).toBe(0);
  });
});
