import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const STEPS = 1_300;

let scripted: ScriptedServer;
let alice: TestClient;
let threadId: string;
let half: Gate;
let rest: Gate;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  threadId = await newThread(alice);
  half = new Gate();
  rest = new Gate();
  await scripted.run(
    alice,
    async (context) => {
      for (let step = 1; step <= STEPS; step += 1) await context.emit('custom', { name: 'step', value: step });
      half.open();
      await rest.opened;
      for (let step = 1; step <= STEPS; step += 1) await context.emit('custom', { name: 'more', value: step });
    },
    { threadId },
  );
  await half.opened;
});

afterEach(() => scripted.close());

describe('A replay of more than a thousand events', () => {
  it.each([{}, { frames: 'batch' }])('comes in pages, each event once, and goes on live: %j', async (auth) => {
    const reader = await scripted.server.ready('alice', { auth });
    await reader.ask('subscribe_thread', { threadId, after: 0 });
    expect(await reader.next('thread_caught_up')).toEqual({ threadId, head: STEPS + 1 });
    rest.open();
    await reader.next('agent_completed');

    const events = reader.events(threadId);
    checkContiguous(events);
    expect(events).toHaveLength(2 * STEPS + 2);
    expect(events.slice(1, STEPS + 1).map((event) => (event.data as { value: number }).value)).toEqual(
      Array.from({ length: STEPS }, (_, step) => step + 1),
    );
  });

  it('goes on while the log grows, page for page', async () => {
    const page = scripted.storage.holdNext('events.read', 'after');
    const reader = await scripted.server.ready('alice');
    await reader.ask('subscribe_thread', { threadId, after: 0 });
    await page.reached;
    rest.open();
    page.release();
    await reader.next('agent_completed');
    await reader.next('thread_caught_up');

    checkContiguous(reader.events(threadId));
    expect(reader.events(threadId)).toHaveLength(2 * STEPS + 2);
  });

  it('goes on where a page could not be read', async () => {
    let failures = 2;
    scripted.storage.before('events.read', async () => {
      if (failures === 0) return;
      failures -= 1;
      throw new Error('disk');
    });
    const reader = await scripted.server.ready('alice');
    await reader.ask('subscribe_thread', { threadId, after: 0 });
    await reader.next('thread_caught_up');

    checkContiguous(reader.events(threadId));
    expect(reader.events(threadId)).toHaveLength(STEPS + 1);
    expect(await scripted.server.metrics.value('threadcast_delivery_read_failures_total', {})).toBe(2);
    rest.open();
  });

  it('of one connection does not hold up the live events of another thread on it', async () => {
    const reader = await scripted.server.ready('alice');
    const other = await newThread(reader);
    const read = scripted.storage.holdNext('events.read', 'before');
    await reader.ask('subscribe_thread', { threadId, after: 0 });
    await read.reached;
    await reader.ask('user_message', { threadId: other, content: 'hello' });
    await reader.next('agent_completed');
    expect(reader.events(threadId)).toEqual([]);
    read.release();
    await reader.next('thread_caught_up', (data) => data['threadId'] === threadId);

    for (const id of [threadId, other]) checkContiguous(reader.events(id));
    rest.open();
  });
});
