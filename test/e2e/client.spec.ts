import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { ThreadView } from '../../src/client/index.js';
import { Gate, NetworkCut, type TestClient } from '../../src/testing/index.js';
import { Clients, came, covered, gathered, upTo } from './client-kit.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

describe('threadcast/client', () => {
  const clients = new Clients();
  let scripted: ScriptedServer;
  let network: NetworkCut;
  let bob: TestClient;

  beforeEach(async () => {
    scripted = await ScriptedServer.start();
    network = await NetworkCut.to(scripted.server.url);
    bob = await scripted.server.ready('bob');
  });

  afterEach(async () => {
    await clients.close();
    await network.close();
    await scripted.close();
  });

  const open = (userId = 'alice', more: object = {}) =>
    clients.open({ url: network.url, token: () => scripted.server.token(userId), ...more });

  it('begins a chat with its first message, and shows its answer in a view', async () => {
    const alice = open();
    const [first, second] = await Promise.all([alice.send('one two'), alice.send('three', { agent: 'echo' })]);
    const thread = alice.follow(first.threadId);
    const views: ThreadView[] = [];
    thread.onView((view) => views.push(view));
    await eventually('both runs are over', () => views.at(-1)?.runs[1]?.state === 'completed');
    expect(thread.view.messages.map(({ role, text }) => [role, text])).toEqual([
      ['user', 'one two'],
      ['user', 'three'],
      ['agent', 'one two'],
      ['agent', 'three'],
    ]);

    expect(second.threadId).toBe(first.threadId);
    expect(alice.state).toMatchObject({ activeThreadId: first.threadId, status: 'ready', userId: 'alice' });
    const foreign = alice.follow(await newThread(bob));
    await expect(foreign.caughtUp()).rejects.toMatchObject({ code: 'thread_not_found' });
    expect(bob.events(first.threadId)).toEqual([]);
  });

  it('misses nothing and repeats nothing while the network is cut during a run', async () => {
    const observer = await scripted.server.ready('alice');
    const threadId = await newThread(observer);
    const gates = Array.from({ length: 4 }, () => new Gate());
    const alice = open();
    const thread = alice.follow(threadId);
    const events = gathered(thread);
    await thread.caughtUp();
    let seen = 0;
    await scripted.run(
      observer,
      async (context) => {
        for (const gate of gates) {
          for (let n = 0; n < 50; n += 1) await context.emit('agent_delta', { messageId: 'a', text: `${n} ` });
          await gate.opened;
        }
        return { content: 'the end' };
      },
      { threadId },
    );
    for (const gate of gates) {
      const [seq, before] = [seen, alice.state.connections];
      await eventually('more of it has come', () => thread.cursor.seq > seq);
      seen = thread.cursor.seq;
      network.cut();
      gate.open();
      await eventually('it has come back', () => alice.state.connections > before);
    }
    await came(events, 'agent_completed');

    expect(covered(events)).toEqual(upTo(thread.cursor.seq));
    expect(alice.state).toMatchObject({ holes: 0, repetitions: 0 });
    expect(thread.view.messages.at(-1)).toMatchObject({ role: 'agent', text: 'the end', state: 'complete' });
    expect(bob.events(threadId)).toEqual([]);
  });

  it('sends a message once though the answer is lost', async () => {
    const observer = await scripted.server.ready('alice');
    const threadId = await newThread(observer);
    await observer.ask('subscribe_thread', { threadId, after: 0 });
    const alice = open();
    await alice.follow(threadId).caughtUp();
    network.holdAnswers();
    const sent = alice.send('only once', { threadId });
    await observer.next('message_created');
    network.cut();

    expect(await sent).toMatchObject({ threadId, seq: 1, duplicate: true });
    await observer.next('agent_completed');
    await observer.fence();
    expect(observer.events(threadId).filter(({ type }) => type === 'message_created')).toHaveLength(1);
    expect(alice.state).toMatchObject({ repeated: 1, waiting: 0 });
  });

  it('begins one chat though the answer to its first message is lost, and shows it from its beginning', async () => {
    const alice = open();
    await alice.ready();
    network.holdAnswers();
    const sent = [alice.send('first'), alice.send('second')];
    await eventually('the server has it', async () => (await threadsOf('alice')).length > 0);
    network.cut();
    const [first, second] = await Promise.all(sent);
    const thread = alice.follow(first!.threadId);
    const seen: number[] = [];
    for await (const event of thread.events()) {
      seen.push(...covered([event]));
      if (event.type === 'message_created' && event.data.content === 'second') break;
    }

    expect(await threadsOf('alice')).toHaveLength(1);
    expect([first!.duplicate, second!.duplicate, second!.threadId]).toEqual([true, false, first!.threadId]);
    expect(seen).toEqual(upTo(second!.seq));
  });

  async function threadsOf(userId: string): Promise<unknown[]> {
    const response = await scripted.server.fetch(userId, '/api/threads');
    return ((await response.json()) as { threads: unknown[] }).threads;
  }

  it('keeps the order of what waits; a refused message makes way, and what is over the bound is told', async () => {
    const observer = await scripted.server.ready('alice');
    const threadId = await newThread(observer);
    await observer.ask('subscribe_thread', { threadId, after: 0 });
    const alice = open('alice', { maxWaiting: 3 });
    const sent = [
      alice.send('one', { threadId }),
      alice.send('two', { threadId, agent: 'nobody' }),
      alice.send('three', { threadId }),
      alice.send('four', { threadId }),
    ];
    const settled = await Promise.allSettled(sent);

    expect(settled.map((result) => result.status === 'rejected' && (result.reason as { code: string }).code)).toEqual([
      false,
      'agent_not_found',
      false,
      'outbox_full',
    ]);
    await observer.next('message_created', ({ data }) => (data as { content: string }).content === 'three');
    expect(
      observer.events(threadId).flatMap((event) => (event.type === 'message_created' ? [event.data] : [])),
    ).toMatchObject([{ content: 'one' }, { content: 'three' }]);
  });

  it('the last of several switches wins, and what was left is followed no longer', async () => {
    const alice = open();
    const ids: string[] = [];
    for (let n = 0; n < 4; n += 1) ids.push((await alice.createThread()).threadId);
    const kept = alice.follow(ids[0]!);
    await Promise.all(ids.map((threadId) => alice.switchThread(threadId)));

    expect(alice.state.activeThreadId).toBe(ids[3]);
    expect(alice.threads.map(({ threadId }) => threadId)).toEqual([ids[0], ids[3]]);
    await expect(alice.switchThread(await newThread(bob))).rejects.toMatchObject({ code: 'thread_not_found' });
    expect(alice.state.activeThreadId).toBe(ids[3]);
    expect(kept.status).toBe('live');
    expect(await alice.send('here')).toMatchObject({ threadId: ids[3] });
  });

  it('a slow consumer stays bounded, acknowledges what it took alone, and misses nothing', async () => {
    const alice = open('alice', { maxBuffered: 10 });
    const threadId = (await alice.createThread()).threadId;
    const thread = alice.follow(threadId);
    const reader = thread.events();
    const events = gathered(thread);
    await alice.start('echo', { threadId, input: { text: 'word ', repeat: 2_000 } });
    await alice.start('echo', { threadId, input: { text: 'word ', repeat: 2_000 } });
    await came(events, 'agent_completed', 2);
    expect(thread.cursor.seq).toBeGreaterThan(10);
    expect([reader.buffered, reader.behind]).toEqual([10, true]);

    const seen: number[] = [];
    for await (const event of reader) {
      seen.push(...covered([event]));
      expect(reader.buffered).toBeLessThanOrEqual(10);
      if (seen.length === 5) await alice.close();
    }
    const observer = await scripted.server.ready('alice');
    expect(await observer.ask('ack_events', { threadId, seq: 0 })).toMatchObject({ seq: 4 });
    expect(seen).toEqual(upTo(10));

    const later = open('alice', { maxBuffered: 10 });
    const rest: number[] = [];
    const head = thread.cursor.seq;
    for await (const event of later.follow(threadId, { from: { ...thread.cursor, seq: 10 } }).events()) {
      rest.push(...covered([event]));
      if (event.seq === head) break;
    }
    expect([...seen, ...rest]).toEqual(upTo(head));
  });

  it('answers what a run asks, and stops one', async () => {
    const alice = open();
    const { threadId, runId } = await alice.start('echo', { input: { ask: 'Which?' } });
    const thread = alice.follow(threadId);
    for await (const event of thread.events()) {
      if (event.type === 'input_requested') await alice.provideInput(runId, event.data.requestId, 'that one');
      if (event.type === 'agent_completed') {
        expect(event.data.content).toBe('that one');
        break;
      }
    }
    const asking = await alice.start('echo', { input: { ask: 'Which?' } });

    expect(asking.threadId).toBe(threadId);
    expect(await alice.stop(asking.runId)).toMatchObject({ status: 'cancelled' });
    await expect(alice.provideInput(asking.runId, 'req', 'late')).rejects.toMatchObject({ code: 'input_closed' });
  });

  it('tells that a log was made again while it was away, and begins anew', async () => {
    const observer = await scripted.server.ready('alice');
    const alice = open();
    const { threadId } = await alice.createThread({ threadId: 'thread_again' });
    const thread = alice.follow(threadId);
    const resets: unknown[] = [];
    thread.onReset((cursor) => resets.push(cursor));
    await alice.send('old', { threadId });
    await eventually('the answer is there', () => thread.view.runs[0]?.state === 'completed');
    const { epoch } = thread.cursor;
    await alice.close();

    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    await observer.ask('create_thread', { threadId });
    await observer.ask('user_message', { threadId, content: 'new' });
    const back = open();
    const again = back.follow(threadId, { from: { seq: 3, epoch } });
    again.onReset((cursor) => resets.push(cursor));
    await eventually('the new log is there', () => again.view.runs[0]?.state === 'completed');

    expect(resets).toMatchObject([{ seq: 0 }]);
    expect(again.view.messages[0]).toMatchObject({ text: 'new' });
    expect(back.state).toMatchObject({ holes: 0, repetitions: 0 });
  });

  it('tells that a thread was deleted, and ends its iteration', async () => {
    const alice = open();
    const { threadId } = await alice.createThread();
    const thread = alice.follow(threadId);
    const told: unknown[] = [];
    alice.onDetached((detachment) => told.push(detachment));
    await thread.caughtUp();
    const reading = thread.events().next();
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });

    await expect(reading).rejects.toMatchObject({ code: 'thread_detached', details: { reason: 'deleted' } });
    expect(told).toEqual([{ threadId, reason: 'deleted' }]);
    expect(alice.threads).toEqual([]);
  });

  it('is told of a run that has ended in a thread that it does not follow', async () => {
    const alice = open();
    const { threadId } = await alice.createThread();
    const told: unknown[] = [];
    alice.onActivity((activity) => told.push(activity));
    const body = JSON.stringify({ content: 'from elsewhere' });
    const started = await scripted.server.fetch('alice', `/api/threads/${threadId}/messages`, { method: 'POST', body });
    expect(started.ok).toBe(true);
    await eventually('it is told', () => told.length > 0);

    expect(told).toMatchObject([{ threadId, type: 'agent_completed' }]);
    await bob.fence();
    expect(bob.names()).not.toContain('thread_activity');
  });
});
