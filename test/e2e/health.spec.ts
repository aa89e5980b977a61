import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

interface Report {
  readonly status: string;
  readonly reasons: readonly { readonly name: string; readonly detail: string; readonly since: number }[];
  readonly checks: readonly { readonly name: string; readonly status: string }[];
}

let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({ clock });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
});

afterEach(() => clock.during(scripted.close()));

async function health(): Promise<Report> {
  const response = await fetch(`${scripted.server.url}/health/ready`);
  expect(response.status).toBe(200);
  return (await response.json()) as Report;
}

/** Moves time on, look by look, until the report is this. */
async function becomes(status: string): Promise<Report> {
  const latest: Report[] = [];
  await eventually(`health is ${status}`, async () => {
    clock.advance(400);
    latest.unshift(await health());
    return latest[0]?.status === status;
  });
  return latest[0]!;
}

describe('GET /health/ready', () => {
  it('is ok with every check named', async () => {
    expect(await health()).toEqual({
      status: 'ok',
      reasons: [],
      checks: expect.arrayContaining([
        { name: 'storage', status: 'ok' },
        { name: 'delivery', status: 'ok' },
      ]) as unknown,
    });
  });

  it('is degraded while a following does not get what its log has, with what and since when, and ok again', async () => {
    await alice.ask('user_message', { threadId, content: 'hello' });
    await alice.next('agent_completed');
    const read = scripted.storage.holdNext('events.read');
    const second = await scripted.server.ready('alice', { auth: { threadId, after: 0 } });
    await read.reached;
    const begun = clock.now();
    const head = alice.events(threadId).at(-1)?.seq;

    const { reasons, checks } = await becomes('degraded');
    expect(reasons).toEqual([
      {
        name: 'delivery',
        status: 'degraded',
        detail: `1 followings of 1 threads do not get what is in the log: up to ${head} events.`,
        since: expect.any(Number) as unknown,
      },
    ]);
    expect(reasons[0]?.since).toBeGreaterThan(begun);
    expect(reasons[0]?.since).toBeLessThanOrEqual(clock.now() - 2_000);
    expect(checks).toContainEqual({ name: 'storage', status: 'ok' });
    expect(await bob.ask('ping')).toMatchObject({ ok: true });

    read.release();
    await second.next('thread_caught_up');
    expect(await health()).toMatchObject({ status: 'ok', reasons: [] });
  });

  it('is degraded while the heads of the logs cannot be read', async () => {
    await bob.ask('create_thread', { threadId: 'thread_bob' });
    await bob.ask('subscribe_thread', { threadId: 'thread_bob' });
    scripted.storage.before('events.heads', async () => {
      throw new ThreadcastError('storage_unavailable');
    });
    const { reasons } = await becomes('degraded');
    expect(reasons).toEqual([expect.objectContaining({ name: 'delivery' })]);

    scripted.storage.before('events.heads', null);
    await becomes('ok');
  });
});
