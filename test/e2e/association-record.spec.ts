import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const RETRY_MS = 100;
const TRIES = 5;

let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({ clock, env: { CONTEXT_TIMEOUT_MS: String(TRIES * RETRY_MS) } });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  await bob.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(() => clock.during(scripted.close()));

interface Association {
  readonly associated: boolean;
  readonly associationMs: number;
}

/** What the run's record says. */
async function recorded(runId: unknown): Promise<Association> {
  const response = await scripted.server.fetch('bob', `/api/runs/${String(runId)}`);
  const { associated, associationMs } = (await response.json()) as Association;
  return { associated, associationMs };
}

function failAccess(times: number): void {
  let left = times;
  scripted.storage.before('threads.access', async ([, userId]) => {
    if (left === 0 || userId !== 'alice') return;
    left -= 1;
    throw new ThreadcastError('storage_unavailable');
  });
}

async function pass(retries: number): Promise<void> {
  for (let n = 0; n < retries; n += 1) {
    await clock.timer(RETRY_MS);
    clock.advance(RETRY_MS);
  }
}

/** Alice's connection is gone, for the server too. */
async function aliceLeaves(): Promise<void> {
  const registry = scripted.server.get(ConnectionRegistry);
  const before = registry.size;
  alice.close();
  await eventually('alice has left', () => registry.size === before - 1);
}

const runOf = (message: Readonly<Record<string, unknown>>): unknown => (message['data'] as { runId: string }).runId;

describe('The association of a run', () => {
  it.each([
    ['that succeeds at once', 0, { associated: true, associationMs: 0 }],
    ['that is tried again', 3, { associated: true, associationMs: 3 * RETRY_MS }],
    ['that fails for the whole grace', Infinity, { associated: false, associationMs: TRIES * RETRY_MS }],
  ])('%s is told by the answer and by the record alike', async (_what, failures, told) => {
    failAccess(failures);
    const answered = alice.ask('user_message', { threadId, content: 'hello' });
    await pass(Math.min(failures, TRIES));

    const answer = await answered;
    expect(answer).toMatchObject(told);
    expect(await recorded(answer['runId'])).toEqual(told);
  });

  it('took as long as it took the first time, however long a repetition tries', async () => {
    const message = { threadId, content: 'hello', messageId: 'm' };
    const first = await alice.ask('user_message', message);
    await alice.ask('unsubscribe_thread', { threadId });
    failAccess(2);
    const repeated = alice.ask('user_message', message);
    await pass(2);

    expect(first).toMatchObject({ associationMs: 0, duplicate: false });
    expect(await repeated).toMatchObject({ runId: first['runId'], associationMs: 0, duplicate: true });
  });

  it('is not recorded as made where the connection has closed during the commit', async () => {
    const commit = scripted.storage.holdNext('transact', 'after');
    alice.socket.emit('user_message', { threadId, content: 'hello' });
    await commit.reached;
    await aliceLeaves();
    commit.release();
    const runId = runOf(await bob.next('message_created'));
    await bob.next('agent_started');

    expect(await recorded(runId)).toMatchObject({ associated: false });
  });

  it('is corrected in the record before the run begins, however often that fails', async () => {
    const commit = scripted.storage.holdNext('transact', 'after');
    alice.socket.emit('user_message', { threadId, content: 'hello' });
    await commit.reached;
    await aliceLeaves();
    let failures = 1;
    scripted.storage.before('transact', async () => {
      if (failures === 0) return;
      failures -= 1;
      throw new ThreadcastError('storage_unavailable');
    });
    // A beginning that did not wait would come here, and go on while the correction is still being tried again.
    const beginning = scripted.storage.holdNext('runs.get');
    commit.release();
    const runId = runOf(await bob.next('message_created'));
    await clock.timer(RETRY_MS);
    beginning.release();
    for (let n = 0; n < 3; n += 1) await bob.fence();
    expect(bob.events(threadId).map(({ type }) => type)).not.toContain('agent_started');
    clock.advance(RETRY_MS);
    await bob.next('agent_started');

    expect(await recorded(runId)).toMatchObject({ associated: false });
    await bob.next('agent_completed');
  });
});

describe('A start over HTTP that has waited for a connection', () => {
  async function say(connectionId: unknown): Promise<Record<string, unknown>> {
    const body = JSON.stringify({ content: 'hello', connectionId });
    const response = await scripted.server.fetch('alice', `/api/threads/${threadId}/messages`, {
      method: 'POST',
      body,
    });
    return (await response.json()) as Record<string, unknown>;
  }

  it('says how long', async () => {
    const { connectionId } = await alice.next('connection_accepted');
    const said = say(connectionId);
    const waiting = (): Promise<number> => scripted.server.metrics.value('threadcast_http_connection_waits', {});
    await eventually('it waits', async () => (await waiting()) === 1);
    clock.advance(123);
    await alice.ask('switch_thread', { threadId });
    const { runId, ...answer } = await said;

    expect(answer).toMatchObject({ associated: true, associationMs: 123 });
    expect(await recorded(runId)).toEqual({ associated: true, associationMs: 123 });
  });

  it.each(['closes', 'leaves the thread'])('is not associated when that %s during the commit', async (what) => {
    const { connectionId } = await alice.next('connection_accepted');
    await alice.ask('switch_thread', { threadId });
    const commit = scripted.storage.holdNext('transact', 'after');
    const said = say(connectionId);
    await commit.reached;
    if (what === 'closes') await aliceLeaves();
    else await alice.ask('unsubscribe_thread', { threadId });
    commit.release();
    const { runId, ...answer } = await said;

    expect(answer).toMatchObject({ associated: false, duplicate: false });
    await bob.next('agent_started');
    expect(await recorded(runId)).toMatchObject({ associated: false });
  });
});
