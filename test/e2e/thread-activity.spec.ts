import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { WebhookReceiver, type TestServer } from '../../src/testing/index.js';
import { ApiCaller } from './api-caller.js';
import { say, settled, startAway } from './away-kit.js';

describe('A user who is there, but not in the thread', () => {
  let receiver: WebhookReceiver;
  let server: TestServer;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    server = await startAway(receiver, { gateway: { heartbeatMs: 30 } });
  });

  afterEach(async () => {
    await server.close();
    await receiver.close();
  });

  it('is told on every connection that a run has ended, whoever else follows the thread', async () => {
    const [one, two, bob] = [await server.ready('alice'), await server.ready('alice'), await server.ready('bob')];
    const { threadId } = await one.ask('create_thread', {});
    await two.ask('user_message', { content: 'elsewhere' });
    await two.next('agent_completed');
    await server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    await bob.ask('subscribe_thread', { threadId });
    const { runId } = await say(server, 'alice', threadId);
    const { seq } = await bob.next('agent_completed', (data) => data['runId'] === runId);

    const activity = { threadId, runId, type: 'agent_completed', seq };
    expect(await one.next('thread_activity')).toEqual(activity);
    expect(await two.next('thread_activity')).toEqual(activity);
    await settled(server, 'told');
    await bob.fence();
    expect(bob.names()).not.toContain('thread_activity');
    expect(one.events(threadId)).toEqual([]);
    expect(receiver.deliveries).toEqual([]);
    expect(await server.metrics.value('threadcast_delivery_activity_total', { outcome: 'told' })).toBe(2);
  });

  it('is told that a run asks, and then that it has ended', async () => {
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('create_thread', {});
    const { runId } = await say(server, 'alice', threadId, { content: 'x', metadata: { echo: { ask: 'Why?' } } });
    const asked = await alice.next('thread_activity');
    expect(asked).toEqual({ threadId, runId, type: 'input_requested', seq: expect.any(Number) });

    await alice.ask('stop_agent', { runId });
    expect(await alice.next('thread_activity')).toMatchObject({ runId, type: 'agent_cancelled' });
    await settled(server, 'told', 2);
    expect(receiver.deliveries).toEqual([]);
  });

  it('is not told where one of the connections follows the thread: that one is', async () => {
    const [away, there] = [await server.ready('alice'), await server.ready('alice')];
    const { threadId } = await there.ask('user_message', { content: 'here' });
    await there.next('agent_completed');
    await settled(server, 'received');
    await Promise.all([away.fence(), there.fence()]);

    expect(away.names()).not.toContain('thread_activity');
    expect(there.names()).not.toContain('thread_activity');
    expect(away.events(threadId)).toEqual([]);
    expect(receiver.deliveries).toEqual([]);
  });

  it('who has left the thread before its end was shown to come is told, and no webhook is sent', async () => {
    const alice = await server.ready('alice');
    const { threadId, runId } = await alice.ask('user_message', { content: 'x', metadata: { echo: { ask: 'Why?' } } });
    await alice.next('input_requested');
    await alice.ask('unsubscribe_thread', { threadId });
    await alice.ask('stop_agent', { runId });

    expect(await alice.next('thread_activity', (data) => data['type'] === 'agent_cancelled')).toMatchObject({ runId });
    await settled(server, 'told');
    expect(receiver.deliveries).toEqual([]);
  });

  it('is told of runs of the own threads that a process executes which may not read them', async () => {
    const [alice, machine] = [await server.ready('alice'), await server.ready('machine')];
    const { threadId } = await alice.ask('create_thread', {});
    const producer = await ApiCaller.of(server, 'machine', ['producer']);
    const { body } = await producer.post(`/api/threads/${String(threadId)}/runs`, { external: true, agent: 'remote' });
    const { runId } = body;
    const asks = { type: 'input_requested', data: { requestId: 'r', prompt: 'Why?' } };
    const ends = { type: 'agent_completed', data: { content: 'x', durationMs: 1 } };
    await producer.post(`/api/runs/${String(runId)}/events`, { events: [asks, ends] });

    expect(await alice.next('thread_activity')).toEqual({ threadId, runId, type: 'input_requested', seq: 2 });
    expect(await alice.next('thread_activity')).toEqual({ threadId, runId, type: 'agent_completed', seq: 3 });
    await machine.fence();
    expect(machine.names()).not.toContain('thread_activity');
  });

  it('is not told of runs that somebody else has started in the thread', async () => {
    const [alice, bob] = [await server.ready('alice'), await server.ready('bob')];
    const { threadId } = await alice.ask('create_thread', {});
    await server.fetch('alice', `/api/threads/${String(threadId)}/members/bob`, { method: 'PUT' });
    const { runId } = await say(server, 'bob', threadId);

    expect(await bob.next('thread_activity')).toMatchObject({ threadId, runId, type: 'agent_completed' });
    await alice.fence();
    expect(alice.names()).not.toContain('thread_activity');
  });

  it('who was removed from the thread is told nothing: its owner is', async () => {
    const [alice, bob] = [await server.ready('alice'), await server.ready('bob')];
    const { threadId } = await alice.ask('create_thread', {});
    const member = `/api/threads/${String(threadId)}/members/bob`;
    await server.fetch('alice', member, { method: 'PUT' });
    const { runId } = await say(server, 'bob', threadId, { content: 'x', metadata: { echo: { ask: 'Why?' } } });
    await bob.next('thread_activity');
    await server.fetch('alice', member, { method: 'DELETE' });
    await alice.ask('stop_agent', { runId });

    expect(await alice.next('thread_activity')).toMatchObject({ runId, type: 'agent_cancelled' });
    await bob.fence();
    expect(bob.frames.filter(({ name }) => name === 'thread_activity')).toHaveLength(1);
  });
});
