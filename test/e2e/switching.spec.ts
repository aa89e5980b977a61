import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

let scripted: ScriptedServer;
let alice: TestClient;
let one: string;
let two: string;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  one = await newThread(alice);
  two = await newThread(alice);
});

afterEach(() => scripted.close());

/** A run that writes one word each time it is told to. */
async function talker(threadId: string): Promise<{ say: (word: string) => Promise<void>; end: () => Promise<void> }> {
  const words: { word: string | null; said: Gate }[] = [];
  let bell = new Gate();
  const other = await scripted.server.ready('alice');
  const { runId } = await scripted.run(
    other,
    async (context) => {
      for (;;) {
        const next = words.shift();
        if (next === undefined) {
          await bell.opened;
          bell = new Gate();
        } else if (next.word === null) return;
        else {
          await context.write(next.word);
          next.said.open();
        }
      }
    },
    { threadId },
  );
  const put = (word: string | null): Promise<void> => {
    const said = new Gate();
    words.push({ word, said });
    bell.open();
    return said.opened;
  };
  return {
    say: put,
    end: async () => {
      void put(null);
      await other.next('agent_completed', (event) => event['runId'] === runId);
    },
  };
}

describe('Switching', () => {
  it('is told in order: answer, thread_switched, replay, thread_caught_up, live', async () => {
    const talk = await talker(two);
    await talk.say('one ');
    await talk.say('two ');
    await alice.ask('switch_thread', { threadId: one });
    await alice.next('thread_caught_up');
    const order: string[] = [];
    alice.socket.onAny((name: string) => order.push(name));
    const answer = await alice.ask('switch_thread', { threadId: two, after: 1 }).then((given) => {
      order.unshift('answer');
      return given;
    });
    await alice.next('thread_caught_up', (data) => data['threadId'] === two);
    await talk.say('three');
    await alice.next('agent_delta', (event) => event['seq'] === 4);

    const merged = { threadId: two, from: 2, seq: 3, type: 'agent_delta' };
    expect(order).toEqual(['answer', 'thread_switched', 'agent_delta', 'thread_caught_up', 'agent_delta']);
    expect(answer).toMatchObject({ threadId: two, previousThreadId: one, head: 3, epoch: expect.any(String) });
    expect(await alice.next('thread_switched', (data) => data['threadId'] === two)).toEqual({
      ...{ threadId: two, previousThreadId: one, head: 3, epoch: answer['epoch'] },
    });
    expect(alice.events(two)[0]).toMatchObject(merged);
    checkContiguous(alice.events(two), 1);
    await talk.end();
  });

  it('says caught up also where nothing is replayed', async () => {
    await alice.ask('switch_thread', { threadId: one });
    await alice.ask('switch_thread', { threadId: two, after: 0 });
    await alice.fence();

    expect(wire(alice, one)).toEqual(['thread_switched', 'thread_caught_up']);
    expect(wire(alice, two)).toEqual(['thread_switched', 'thread_caught_up']);
  });

  it('silences the thread that was left from the answer on, while a run there goes on', async () => {
    const talk = await talker(one);
    await alice.ask('switch_thread', { threadId: one, after: 0 });
    await talk.say('seen ');
    await alice.next('agent_delta');
    await alice.ask('switch_thread', { threadId: two });
    const from = alice.frames.length;
    await talk.say('unseen ');
    await talk.say('either');
    await alice.fence();
    expect(wire(alice, one, from)).toEqual([]);

    const seen = alice.events(one).at(-1)!.seq;
    await talk.end();
    await alice.ask('switch_thread', { threadId: one, after: seen });
    await alice.next('agent_completed');
    checkContiguous(alice.events(one));
    expect(deltaText(alice.events(one))).toBe('seen unseen either');
  });

  it('silences it also where the switch overtakes a replay that is being read', async () => {
    const talk = await talker(one);
    await talk.say('said');
    const read = scripted.storage.holdNext('events.read', 'after');
    await alice.ask('switch_thread', { threadId: one, after: 0 });
    await read.reached;
    await alice.ask('switch_thread', { threadId: two });
    const from = alice.frames.length;
    read.release();
    await talk.end();
    await alice.fence();

    expect(wire(alice, one, from)).toEqual([]);
  });

  it.each([
    ['a thread that is not there', { threadId: 'thread_none' }, 'thread_not_found'],
    ['an id that cannot be read', { threadId: 'none' }, 'invalid_id'],
    ['a cursor beyond the head', { threadId: 'two', after: 9 }, 'cursor_invalid'],
    ['another epoch', { threadId: 'two', after: 0, epoch: 'other' }, 'cursor_invalid'],
    ['a bad position', { threadId: 'two', after: -1 }, 'invalid_payload'],
  ])('that is refused leaves all as it was: %s', async (_why, payload, code) => {
    await alice.ask('switch_thread', { threadId: one });
    await alice.next('thread_caught_up');
    const from = alice.frames.length;
    const named = payload.threadId === 'two' ? { ...payload, threadId: two } : payload;
    expect(await alice.request('switch_thread', named)).toMatchObject({ ok: false, error: { code } });
    const talk = await talker(one);
    await talk.say('still here');
    await talk.end();
    await alice.next('agent_completed');

    expect(wire(alice, one, from)).toEqual(['agent_started 1', 'agent_delta 2', 'agent_completed 3']);
    expect(wire(alice, two, from)).toEqual([]);
    expect(await alice.ask('switch_thread', { threadId: two })).toMatchObject({ previousThreadId: one });
  });

  it('many times without waiting ends at the last one', async () => {
    const threads = [one, two, await newThread(alice), await newThread(alice)];
    const order = [0, 1, 2, 3, 0, 2, 1, 3, 2];
    const answers = await Promise.all(order.map((n) => alice.ask('switch_thread', { threadId: threads[n] })));
    const last = threads[order.at(-1)!];
    const from = alice.frames.length;
    for (const threadId of threads) {
      const talk = await talker(threadId);
      await talk.say('hello');
      await talk.end();
    }
    await alice.fence();

    expect(answers.map((answer) => answer['previousThreadId'])).toEqual([
      null,
      ...order.slice(0, -1).map((n) => threads[n]),
    ]);
    for (const threadId of threads) expect(wire(alice, threadId, from)).toHaveLength(threadId === last ? 3 : 0);
    expect(await alice.ask('user_message', { content: 'here' })).toMatchObject({ threadId: last });
  });

  it('moves the hold of one connection, not of the other tabs', async () => {
    const tab = await scripted.server.ready('alice');
    await tab.ask('switch_thread', { threadId: one });
    await alice.ask('switch_thread', { threadId: one });
    await alice.ask('switch_thread', { threadId: two });
    const talk = await talker(one);
    await talk.say('for the tab');
    await talk.end();
    await tab.next('agent_completed');
    await alice.fence();

    checkContiguous(tab.events(one));
    expect(alice.events(one)).toEqual([]);
  });
});
