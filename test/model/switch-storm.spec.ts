import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, deltaText } from '../../src/testing/index.js';
import { Observer } from './observer.js';

const THREADS = 5;
const SWITCHES = 200;
/** In flight at once: fewer than a connection may have waiting. */
const RUSH = 50;
const TEXT = 'every word of this arrives ';
const REPEAT = 100;

describe('Two hundred switches over five threads that all have a run', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it('show at each moment the thread that is active and nothing else, and cost no run a word', async () => {
    const starter = await server.ready('alice');
    const watcher = new Observer(server.url, 'alice', { token: await server.token('alice') });
    await watcher.ready;
    const threadIds: string[] = [];
    for (let index = 0; index < THREADS; index += 1) {
      const { threadId } = await starter.ask('create_thread', {});
      await starter.ask('subscribe_thread', { threadId });
      const input = { text: TEXT, repeat: REPEAT, delayMs: 1 };
      await starter.ask('start_agent', { threadId, agent: 'echo', input });
      threadIds.push(threadId as string);
    }

    for (let begun = 0; begun < SWITCHES; begun += RUSH) {
      const rush = Array.from({ length: RUSH }, (_, index) => {
        const threadId = threadIds[(begun + index * 3) % THREADS] ?? '';
        return watcher.switchTo(threadId, index % 4 === 0 ? 0 : undefined);
      });
      for (const answer of await Promise.all(rush)) expect(answer).toMatchObject({ ok: true });
    }
    const [last = ''] = threadIds;
    await watcher.switchTo(last, 0);

    for (const threadId of threadIds) {
      await starter.next('agent_completed', (data) => data['threadId'] === threadId);
      const events = starter.events(threadId);
      checkContiguous(events);
      expect(deltaText(events)).toBe(TEXT.repeat(REPEAT));
    }
    await watcher.fence();
    expect(watcher.faults).toEqual([]);
    expect(watcher.activeThreadId).toBe(last);
    const back = await server.ready('alice');
    for (const threadId of threadIds) {
      await back.ask('switch_thread', { threadId, after: 0 });
      await back.next('agent_completed', (data) => data['threadId'] === threadId);
      checkContiguous(back.events(threadId));
      expect(deltaText(back.events(threadId))).toBe(TEXT.repeat(REPEAT));
    }
  });
});
