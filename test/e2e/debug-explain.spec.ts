import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { WebhookReceiver, type TestClient, type TestServer } from '../../src/testing/index.js';
import { say, settled, startAway } from './away-kit.js';
import { askDebug, askExplain } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';
import { EventSourceClient } from './event-source-client.js';
import { eventually } from './gateway-kit.js';
import { newThread } from './scripted-server.js';
import { fillKernel, tcpOf } from './slow-kit.js';

let receiver: WebhookReceiver;
let server: TestServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  receiver = await WebhookReceiver.start();
  server = await startAway(receiver, { env: { SLOW_CONSUMER_BYTES: '65536' } });
  alice = await server.ready('alice');
  bob = await server.ready('bob');
  threadId = await newThread(alice);
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
});

afterEach(async () => {
  await server.close();
  await receiver.close();
});

const explain = (userId: string, seq: number, more: object = {}): Promise<Parsed> =>
  askExplain(server, { threadId, userId, seq, ...more });

/** A message of alice's and the answer to it, without anybody following; the last seq. */
async function converse(): Promise<number> {
  await say(server, 'alice', threadId);
  const head = async (): Promise<Parsed> => (await askDebug(server, `/debug/threads/${threadId}`)).body;
  await eventually('it is answered', async () => (await head()).runsTotal === 0);
  return (await head()).thread.head as number;
}

describe('GET /debug/explain', () => {
  it('tells what was acknowledged, also to one who follows no more', async () => {
    await bob.ask('subscribe_thread', { threadId, after: 0 });
    const seq = await converse();
    await bob.next('agent_completed');
    await bob.ask('ack_events', { threadId, seq });
    await bob.ask('unsubscribe_thread', { threadId });

    for (const one of [1, seq]) {
      expect(await explain('bob', one)).toMatchObject({
        ...{
          outcome: 'acknowledged',
          reason: expect.stringContaining(`up to ${seq}`),
          threadId,
          userId: 'bob',
          seq: one,
        },
        ...{
          cursor: { userId: 'bob', seq, time: expect.any(Number) },
          role: 'member',
          removal: null,
          missingNodes: [],
        },
        event: { seq: one, type: one === 1 ? 'thread_updated' : 'agent_completed', time: expect.any(Number) },
        followings: [
          { connectionId: expect.stringMatching(/^conn_/), acknowledged: seq, position: seq, userId: 'bob' },
        ],
      });
    }
    expect(await explain('alice', seq)).toMatchObject({ outcome: 'not_following', cursor: null, role: 'owner' });
  });

  it('tells what was sent, to whom and whether it has left, also when the connection has gone', async () => {
    await bob.ask('subscribe_thread', { threadId });
    const seq = await converse();
    await bob.next('agent_completed');
    await eventually('all has left', async () => (await explain('bob', seq)).followings[0].flushedThrough === seq);
    const live = await explain('bob', seq);
    const sent = {
      outcome: 'sent',
      reason: expect.stringMatching(/^It was handed to conn_\S+ and has left the process/),
    };
    expect(live).toMatchObject({ ...sent, nodes: [expect.any(String)], followingsTotal: 1, notice: null });
    expect(live.followings).toMatchObject([{ node: live.nodes[0], state: 'live', from: 1, position: seq }]);
    bob.close();
    await eventually('it has closed', async () => (await explain('bob', seq)).followings[0].closedBy !== null);

    expect(await explain('bob', seq)).toMatchObject({
      ...sent,
      followings: [{ state: 'closed', closedBy: 'connection_closed', closedAt: expect.any(Number), position: seq }],
    });
    expect(await explain('bob', 1)).toMatchObject({ outcome: 'not_following', followingsTotal: 1 });
  });

  it('tells what was sent on an event stream', async () => {
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${await server.token('bob')}` };
    const stream = new EventSourceClient(`${server.url}/api/threads/${threadId}/events`, headers);
    await stream.event(({ type }) => type === 'thread_updated');
    await eventually('it has left', async () => (await explain('bob', 1)).followings[0].flushedThrough === 1);
    stream.close();

    expect(await explain('bob', 1)).toMatchObject({
      outcome: 'sent',
      reason: expect.stringMatching(/^It was handed to stream_\S+ and has left/),
    });
  });

  it('tells that a following is behind, and that it has got it when it reads on', async () => {
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId });
    let head = 0;
    await fillKernel(bob, async () => {
      const input = { text: `${'x'.repeat(999)} `, repeat: 8_000 };
      await alice.ask('start_agent', { threadId, agent: 'echo', input });
      head = Number((await alice.next('agent_completed'))['seq']);
      return (await explain('bob', head)).outcome === 'behind';
    });
    const stuck = await explain('bob', head);
    expect((await explain('bob', stuck.followings[0].position as number)).reason).toMatch(
      /left the process is not certain/,
    );
    tcpOf(bob).resume();
    await bob.next('agent_completed', ({ seq }) => seq === head);

    expect(stuck.reason).toMatch(/^conn_\S+ follows the thread and is at \d+: its connection does not take more/);
    expect(stuck.followings).toMatchObject([{ state: 'behind', waitsForConnection: true, closedAt: null }]);
    expect(stuck.followings[0].position).toBeLessThan(head);
    expect((await explain('alice', head)).outcome).toBe('sent');
    expect((await explain('bob', head)).outcome).toBe('sent');
  });

  it('is not certain of what had not left when its connection went', async () => {
    for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId });
    await fillKernel(bob, async () => {
      const input = { text: `${'x'.repeat(999)} `, repeat: 8_000 };
      await alice.ask('start_agent', { threadId, agent: 'echo', input });
      return (await explain('bob', Number((await alice.next('agent_completed'))['seq']))).outcome === 'behind';
    });
    tcpOf(bob).destroy();
    await eventually('it has gone', async () => (await explain('bob', 2)).followings[0].state === 'closed');
    const { followings } = await explain('bob', 2);
    const [{ position, flushedThrough }] = followings as [Parsed];

    expect(flushedThrough).toBeLessThan(position as number);
    expect(await explain('bob', position as number)).toMatchObject({
      outcome: 'sent',
      reason: expect.stringMatching(/^It was handed to conn_\S+; whether it has left the process is not certain/),
    });
    expect((await explain('bob', (position as number) + 1)).outcome).toBe('not_following');
  });

  it('tells that nobody was following: never, not yet, or no more', async () => {
    const first = await converse();
    expect(await explain('bob', first)).toMatchObject({
      ...{ outcome: 'not_following', followings: [] },
      reason: 'No connection of the user has followed the thread since the event.',
    });
    await bob.ask('subscribe_thread', { threadId });
    expect((await explain('bob', first)).reason).toBe('Every following of the user began after the event.');
    await bob.ask('switch_thread', { threadId, after: first });
    expect((await explain('bob', first)).reason).toMatch(/but conn_\S+ has asked for what comes after/);
    await bob.ask('unsubscribe_thread', { threadId });
    const second = await converse();

    expect(await explain('bob', second)).toMatchObject({
      outcome: 'not_following',
      reason: expect.stringMatching(`^The following of conn_\\S+ ended at ${first} \\(released\\), none went on`),
    });
  });

  it('tells that the user had no access: never, or not any more', async () => {
    await bob.ask('subscribe_thread', { threadId });
    const before = await converse();
    await bob.next('agent_completed');
    await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
    await bob.next('thread_detached');
    const after = await converse();
    const removal = before + 1;

    expect(await explain('bob', before)).toMatchObject({ outcome: 'sent', role: null, removal: { seq: removal } });
    for (const seq of [removal, after]) {
      expect(await explain('bob', seq)).toMatchObject({
        ...{ outcome: 'no_access', reason: `The user was removed from the thread by event ${removal}.` },
        followings: [{ closedBy: 'access_removed', position: before }],
      });
    }
    expect(await explain('bob', 1)).toMatchObject({
      ...{ outcome: 'not_following', reason: expect.stringContaining('has lost access since') },
    });
    expect(await explain('carol', after)).toMatchObject({
      ...{ outcome: 'no_access', reason: 'The user is neither the owner of the thread nor a member.' },
      ...{ role: null, removal: null, followings: [] },
    });
  });

  it('tells that an offline notifier was told, and of that alone who was', async () => {
    alice.close();
    const seq = await converse();
    await settled(server, 'notified');

    expect(await explain('alice', seq)).toMatchObject({
      ...{ outcome: 'notified', notice: { outcome: 'notified', settledAt: expect.any(Number) } },
      reason: 'No connection of the user was there, and the offline notifier was told.',
    });
    expect(await explain('bob', seq)).toMatchObject({ outcome: 'not_following', notice: null });
    expect(await explain('alice', seq - 1)).toMatchObject({ outcome: 'not_following', notice: null });
  });

  it('tells what was never appended', async () => {
    const head = await converse();
    expect(await explain('alice', head + 1)).toMatchObject({
      ...{
        outcome: 'not_appended',
        reason: `The log ends at ${head}: there is no event ${head + 1} yet.`,
        event: null,
      },
      thread: { head },
    });

    expect(await explain('alice', 1, { threadId: 'thread_none' })).toMatchObject({
      ...{ outcome: 'not_appended', reason: 'There is no such thread.', thread: null, logDeleted: false },
    });
  });

  it('tells of a deleted thread what is remembered, and does not take the log made again for it', async () => {
    await bob.ask('subscribe_thread', { threadId });
    const seq = await converse();
    await bob.next('agent_completed');
    await bob.ask('ack_events', { threadId, seq });
    const { epoch } = (await explain('bob', seq)).thread;
    await server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    await bob.next('thread_detached');
    const deleted = [await explain('bob', seq), await explain('alice', seq)];
    await alice.ask('create_thread', { threadId });
    const again = [await explain('bob', seq, { epoch }), await explain('alice', seq, { epoch })];

    for (const [ofBob, ofAlice] of [deleted, again]) {
      expect(ofBob).toMatchObject({ outcome: 'sent', logDeleted: true, thread: null, cursor: null });
      expect(ofAlice).toMatchObject({ outcome: 'unknown', reason: expect.stringMatching('^That log is gone') });
    }
    expect(await explain('bob', seq)).toMatchObject({ outcome: 'not_appended', followings: [], logDeleted: false });
  });

  it.each([
    ['', 'invalid_payload', ['threadId', 'seq', 'userId']],
    ['?threadId=thread_a&seq=0&userId=bob', 'invalid_payload', ['seq']],
    ['?threadId=thread_a&seq=one&userId=', 'invalid_payload', ['seq', 'userId']],
    ['?threadId=a&seq=1&userId=bob', 'invalid_id', undefined],
  ])('refuses %s', async (query, code, fields) => {
    const { status, body } = await askDebug(server, `/debug/explain${query}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code });
    expect((body.details.fields as Parsed[] | undefined)?.map(({ field }) => field as unknown)).toEqual(fields);
  });
});
