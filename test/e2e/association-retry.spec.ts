import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

const RETRY_MS = 100;
const TRIES = 5;

let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let watcher: TestClient;
let threadId: string;

beforeEach(async () => {
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({ clock, env: { CONTEXT_TIMEOUT_MS: String(TRIES * RETRY_MS) } });
  alice = await scripted.server.ready('alice');
  threadId = await newThread(alice);
  watcher = await scripted.server.ready('alice');
  await watcher.ask('subscribe_thread', { threadId });
});

afterEach(() => clock.during(scripted.close()));

/** The judging of access fails so many times. */
function failAccess(times: number): void {
  let left = times;
  scripted.storage.before('threads.access', async () => {
    if (left === 0) return;
    left -= 1;
    throw new ThreadcastError('storage_unavailable');
  });
}

const associations = (outcome: string): Promise<number> =>
  scripted.server.metrics.value('threadcast_gateway_associations_total', { outcome });
const retries = (): Promise<number> =>
  scripted.server.metrics.value('threadcast_gateway_association_retries_total', {});

describe('A failing association', () => {
  it('is tried again, and nothing is appended before it is in place', async () => {
    failAccess(3);
    const answered = alice.ask('user_message', { threadId, content: 'hello' });
    for (let n = 0; n < 3; n += 1) {
      await clock.timer(RETRY_MS);
      await watcher.fence();
      expect(watcher.events(threadId)).toEqual([]);
      clock.advance(RETRY_MS);
    }

    expect(await answered).toMatchObject({ associated: true, duplicate: false, seq: 1 });
    await alice.next('agent_completed');
    expect(wire(alice, threadId).slice(0, 4)).toEqual([
      'thread_switched',
      'message_created 1',
      'thread_caught_up',
      'agent_started 2',
    ]);
    expect(await retries()).toBe(3);
    expect(await associations('failed')).toBe(0);
  });

  it('that fails for the whole grace lets the run start without it, said and counted', async () => {
    failAccess(Infinity);
    const answered = alice.ask('user_message', { threadId, content: 'hello' });
    for (let n = 0; n < TRIES; n += 1) {
      await clock.timer(RETRY_MS);
      clock.advance(RETRY_MS);
    }
    expect(await answered).toMatchObject({ associated: false, seq: 1, status: 'running' });
    await watcher.next('agent_completed');
    await alice.fence();

    expect(wire(alice, threadId)).toEqual([]);
    expect(await associations('failed')).toBe(1);
    scripted.storage.before('threads.access', null);
    expect(await alice.ask('user_message', { content: 'a chat of its own' })).not.toMatchObject({ threadId });
  });

  it('is not waited for once the connection has gone', async () => {
    failAccess(Infinity);
    alice.socket.emit('user_message', { threadId, content: 'hello', messageId: 'm' });
    await clock.timer(RETRY_MS);
    alice.close();
    await watcher.next('agent_completed');

    scripted.storage.before('threads.access', null);
    const again = await watcher.ask('user_message', { threadId, content: 'hello', messageId: 'm' });
    expect(again).toMatchObject({ duplicate: true, seq: 1 });
  });

  it('of a switch is retried too, and refused with a code in the end', async () => {
    failAccess(Infinity);
    const answered = alice.request('switch_thread', { threadId });
    for (let n = 0; n < TRIES; n += 1) {
      await clock.timer(RETRY_MS);
      clock.advance(RETRY_MS);
    }

    expect(await answered).toMatchObject({ ok: false, error: { code: 'storage_unavailable', retryable: true } });
  });
});

describe('An association that hangs', () => {
  it('is waited for as long as one that fails, and what comes of it then is given back', async () => {
    const held = scripted.storage.holdNext('threads.access');
    const answered = alice.ask('user_message', { threadId, content: 'hello' });
    await held.reached;
    clock.advance(TRIES * RETRY_MS);

    expect(await answered).toMatchObject({ associated: false, seq: 1, status: 'running' });
    await watcher.next('agent_completed');
    held.release();
    await alice.fence();
    expect(wire(alice, threadId)).toEqual([]);
    expect(await scripted.server.metrics.value('threadcast_delivery_attachments', { state: 'placed' })).toBe(0);
    expect(await associations('failed')).toBe(1);
  });

  it('is not waited for once the connection has gone', async () => {
    const held = scripted.storage.holdNext('threads.access');
    alice.socket.emit('user_message', { threadId, content: 'hello' });
    await held.reached;
    alice.close();
    await watcher.next('agent_completed');
    held.release();
  });
});

describe('A refused association', () => {
  it('is final at once: for a thread of somebody else and for one that is not there', async () => {
    const bob = await scripted.server.ready('bob');
    for (const foreign of [threadId, 'thread_madeUp']) {
      const refused = await bob.request('user_message', { threadId: foreign, content: 'hello', messageId: 'm' });
      expect(refused).toMatchObject({ ok: false, error: { code: 'thread_not_found', retryable: false } });
    }

    expect(await retries()).toBe(0);
    expect(await associations('refused')).toBe(2);
    await watcher.fence();
    expect(watcher.events(threadId)).toEqual([]);
  });
});
