import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, deltaText } from '../../src/testing/index.js';

describe('The first message of a new chat', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it('makes the thread, follows it and runs the agent, in one step', async () => {
    const alice = await server.ready('alice');
    const answer = await alice.ask('user_message', { content: 'hello big world' });
    const end = await alice.next('agent_completed');

    expect(answer).toMatchObject({ ok: true, seq: 1, status: 'running', associated: true, duplicate: false });
    const events = alice.events(answer['threadId']);
    checkContiguous(events);
    expect(events[0]).toMatchObject({ type: 'message_created', seq: 1, data: { content: 'hello big world' } });
    expect(deltaText(events)).toBe('hello big world');
    expect(end['data']).toMatchObject({ content: 'hello big world' });
    expect(alice.names().slice(0, 5)).toEqual([
      'connection_accepted',
      'connection_authenticated',
      'connection_ready',
      'thread_switched',
      'message_created',
    ]);
  });

  it('is seen by nobody else', async () => {
    const bob = await server.ready('bob');
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('user_message', { content: 'secret plan' });
    await alice.next('agent_completed');
    await bob.fence();

    expect(bob.events(threadId)).toEqual([]);
    expect(await bob.request('switch_thread', { threadId })).toMatchObject({ error: { code: 'thread_not_found' } });
  });
});
