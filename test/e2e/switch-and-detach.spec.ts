import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

/** More turns of promises than lie between the judgement of access and the answer to a switch. */
const TURNS = 40;

let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;

beforeEach(async () => {
  scripted = await ScriptedServer.start();
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
});

afterEach(() => scripted.close());

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

const call = (path: string, method: string): Promise<Response> =>
  scripted.server.fetch('alice', `/api/threads/${path}`, { method });

/**
 * Bob’s request has read that he may follow, and what ends that is durable and told to nobody. Both go on, so many turns
 * of promises apart.
 */
async function race(request: string, threadId: string, ending: () => Promise<Response>, apart: number) {
  const judged = scripted.storage.holdNext('threads.access', 'after');
  const asked = bob.request(request, { threadId });
  await judged.reached;
  const ended = scripted.storage.holdNext('transact', 'after');
  const done = ending();
  await ended.reached;
  const [first, second] = apart < 0 ? [ended, judged] : [judged, ended];
  first.release();
  await turns(Math.abs(apart));
  second.release();
  expect((await done).ok).toBe(true);
  return asked;
}

describe.each(['deleted', 'access_removed'])(
  'A thread that is followed and ends for the user in one moment: %s',
  (reason) => {
    it.each(['switch_thread', 'subscribe_thread'])('%s is refused, or told before its end', async (request) => {
      const outcomes = new Set<string>();
      for (let apart = -TURNS; apart <= TURNS; apart += 1) {
        const threadId = await newThread(alice);
        await call(`${threadId}/members/bob`, 'PUT');
        const ending = () =>
          reason === 'deleted' ? call(threadId, 'DELETE') : call(`${threadId}/members/bob`, 'DELETE');
        const { ok, error } = await race(request, threadId, ending, apart);
        if (ok) await bob.next('thread_detached', (data) => data['threadId'] === threadId);
        await bob.fence();
        const told = wire(bob, threadId).join(', ');
        outcomes.add(ok ? told : `${error?.code ?? ''}: ${told}`);
      }

      const switched = request === 'switch_thread' ? ['thread_switched'] : [];
      const possible = [
        'thread_not_found: ',
        [...switched, 'thread_detached'].join(', '),
        [...switched, 'thread_caught_up', 'thread_detached'].join(', '),
      ];
      expect([...outcomes].filter((outcome) => !possible.includes(outcome))).toEqual([]);
      expect(outcomes.size).toBeGreaterThan(1);
    });
  },
);
