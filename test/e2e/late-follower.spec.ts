import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
});

afterEach(() => scripted.close());

describe('A run that begins before its follower attaches', () => {
  it('is replayed and goes on live, where the run is first', async () => {
    const threadId = await newThread(alice);
    const half = new Gate();
    const rest = new Gate();
    await scripted.run(
      alice,
      async (context) => {
        await context.write('one ');
        half.open();
        await rest.opened;
        await context.write('two');
      },
      { threadId },
    );
    await half.opened;
    const late = await scripted.server.ready('alice');
    await late.ask('subscribe_thread', { threadId, after: 0 });
    await late.next('thread_caught_up');
    rest.open();
    await late.next('agent_completed');

    expect(wire(late, threadId)).toEqual([
      'agent_started 1',
      'agent_delta 2',
      'thread_caught_up',
      'agent_delta 3',
      'agent_completed 4',
    ]);
    expect(deltaText(late.events(threadId))).toBe('one two');
  });

  it('is live from its first event, where the follower is first', async () => {
    const threadId = await newThread(alice);
    const early = await scripted.server.ready('alice');
    await early.ask('subscribe_thread', { threadId, after: 0 });
    await scripted.run(alice, (context) => context.write('one'), { threadId });
    await early.next('agent_completed');

    expect(wire(early, threadId)).toEqual([
      'thread_caught_up',
      'agent_started 1',
      'agent_delta 2',
      'agent_completed 3',
    ]);
  });

  it('loses nothing where its events are committed while the follower reads the log', async () => {
    const threadId = await newThread(alice);
    const first = new Gate();
    const more = new Gate();
    const second = new Gate();
    const rest = new Gate();
    await scripted.run(
      alice,
      async (context) => {
        await context.write('one ');
        first.open();
        await more.opened;
        await context.write('two ');
        second.open();
        await rest.opened;
        await context.write('three');
      },
      { threadId },
    );
    await first.opened;
    const late = await scripted.server.ready('alice');
    const read = scripted.storage.holdNext('events.read', 'after');
    await late.ask('subscribe_thread', { threadId, after: 0 });
    await read.reached;
    more.open();
    await second.opened;
    read.release();
    await late.next('thread_caught_up');
    rest.open();
    await late.next('agent_completed');

    checkContiguous(late.events(threadId));
    expect(deltaText(late.events(threadId))).toBe('one two three');
    expect(await scripted.server.metrics.value('threadcast_delivery_healed_total', { kind: 'hole' })).toBe(0);
  });

  it.each(['before', 'after'] as const)(
    'loses nothing where a commit falls between the judging of the head and the place in the channel (%s)',
    async (where) => {
      const threadId = await newThread(alice);
      await alice.ask('subscribe_thread', { threadId });
      await alice.next('thread_caught_up');
      const late = await scripted.server.ready('alice');
      const judged = scripted.storage.holdNext('threads.access', where);
      const subscribed = late.ask('subscribe_thread', { threadId, after: 0 });
      await judged.reached;
      const { runId } = await scripted.run(alice, (context) => context.write('said'), { threadId });
      await alice.next('agent_completed', (event) => event['runId'] === runId);
      judged.release();
      await subscribed;
      await late.next('agent_completed');

      for (const client of [alice, late]) {
        checkContiguous(client.events(threadId));
        expect(deltaText(client.events(threadId))).toBe('said');
      }
    },
  );

  it('reaches who is live also where a head was read after the commit and before it was told', async () => {
    const threadId = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId });
    await alice.next('thread_caught_up');
    const bell = new Gate();
    const release = new Gate();
    await scripted.run(
      alice,
      async (context) => {
        bell.open();
        await release.opened;
        await context.write('said');
      },
      { threadId },
    );
    await bell.opened;
    const told = scripted.storage.holdNext('transact', 'after');
    release.open();
    await told.reached;
    const other = await scripted.server.ready('alice');
    const { head } = await other.ask('subscribe_thread', { threadId, after: 0 });
    await other.next('thread_caught_up');
    expect(head).toBe(2);
    expect(wire(other, threadId)).toEqual(['agent_started 1', 'agent_delta 2', 'thread_caught_up']);
    told.release();
    await alice.next('agent_completed');
    await other.next('agent_completed');

    for (const client of [alice, other]) checkContiguous(client.events(threadId));
    expect(await scripted.server.metrics.value('threadcast_delivery_healed_total', { kind: 'hole' })).toBe(0);
  });
});

describe('Attaching at any moment of a fast run', () => {
  it('gives each follower a stream without a gap at the seam', async () => {
    const words = 3_000;
    const threadId = await newThread(alice);
    await alice.ask('start_agent', { threadId, agent: 'echo', input: { text: 'word ', repeat: words } });
    const followers: Promise<TestClient>[] = [];
    const follow = async (after: number | undefined): Promise<TestClient> => {
      const client = await scripted.server.ready('alice');
      await client.ask('subscribe_thread', { threadId, after });
      await client.next('thread_caught_up');
      return client;
    };
    for (let n = 0; n < 12; n += 1) followers.push(follow(n % 3 === 0 ? undefined : 0));
    const clients = await Promise.all(followers);
    await Promise.all(clients.map((client) => follow(0).then(() => client.fence())));
    await alice.next('agent_completed');
    const log = alice.events(threadId);
    checkContiguous(log);
    expect(deltaText(log)).toBe('word '.repeat(words));

    for (const client of clients) {
      await client.fence();
      const events = client.events(threadId);
      const first = events[0];
      if (first === undefined) continue;
      checkContiguous(events, (first.from ?? first.seq) - 1);
      if ((first.from ?? first.seq) === 1) expect(deltaText(events)).toBe('word '.repeat(words));
    }
  });
});
