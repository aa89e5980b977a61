import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Channels } from '../../src/delivery/index.js';
import type { StoredEvent } from '../../src/storage/index.js';
import { CommitFeed, type CommitListener } from '../../src/threads/index.js';
import { Gate, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { ScriptedServer, newThread, wire } from './scripted-server.js';

const AUDIT_MS = 800;

/** Tells delivery of nothing that it is asked to lose. */
class LossyFeed extends CommitFeed {
  loses: (event: StoredEvent | 'deletion') => boolean = () => false;

  override subscribe(listener: CommitListener): () => void {
    if (!(listener instanceof Channels)) return super.subscribe(listener);
    return super.subscribe({
      committed: (threadId, events, ...rest) => {
        if (!events.some((event) => this.loses(event))) listener.committed(threadId, events, ...rest);
      },
      deleted: (threadId) => {
        if (!this.loses('deletion')) listener.deleted(threadId);
      },
    });
  }
}

let feed: LossyFeed;
let clock: WatchedClock;
let scripted: ScriptedServer;
let alice: TestClient;
let bob: TestClient;
let threadId: string;

beforeEach(async () => {
  feed = new LossyFeed();
  clock = new WatchedClock();
  scripted = await ScriptedServer.start({
    clock,
    override: (builder) => builder.overrideProvider(CommitFeed).useValue(feed),
  });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });
  for (const client of [alice, bob]) await client.next('thread_caught_up');
});

afterEach(() => clock.during(scripted.close()));

const healed = (kind: string): Promise<number> =>
  scripted.server.metrics.value('threadcast_delivery_healed_total', { kind });

/** The longest that a loss can go unnoticed. */
async function auditTwice(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    clock.advance(AUDIT_MS);
    await alice.fence();
  }
}

describe('A message of the live way that is lost', () => {
  it('in the middle is read from the log when the next one comes', async () => {
    feed.loses = (event) => event !== 'deletion' && event.type === 'tool_executing';
    await alice.ask('user_message', { threadId, content: 'hello' });
    for (const client of [alice, bob]) {
      await client.next('agent_completed');
      checkContiguous(client.events(threadId));
    }

    expect(bob.names().filter((name) => name === 'thread_caught_up')).toHaveLength(2);
    expect(await healed('hole')).toBe(2);
    expect(await healed('tail')).toBe(0);
  });

  it('as the last one is found within two rounds, and by nobody who has it', async () => {
    const lost = new Gate();
    feed.loses = (event) => {
      if (event === 'deletion' || event.type !== 'agent_completed') return false;
      lost.open();
      return true;
    };
    await alice.ask('user_message', { threadId, content: 'hello' });
    await lost.opened;
    const from = alice.frames.length;
    for (const client of [alice, bob]) {
      await client.fence();
      expect(client.names()).not.toContain('agent_completed');
    }
    await auditTwice();
    for (const client of [alice, bob]) {
      await client.next('agent_completed');
      checkContiguous(client.events(threadId));
    }
    await auditTwice();
    await alice.fence();

    expect(wire(alice, threadId, from).at(-1)).toBe('thread_caught_up');
    expect(await healed('tail')).toBe(2);
  });

  it('is found also where a later follower has read a newer head meanwhile', async () => {
    feed.loses = (event) => event !== 'deletion';
    const end = new Gate();
    await scripted.run(alice, () => end.opened, { threadId });
    const late = await scripted.server.ready('alice');
    await late.ask('subscribe_thread', { threadId });
    await auditTwice();
    for (const client of [alice, bob]) {
      await client.next('agent_started');
      checkContiguous(client.events(threadId));
    }
    feed.loses = () => false;
    end.open();
    await bob.next('agent_completed');
    checkContiguous(bob.events(threadId));
  });

  it('and takes access away does so too, and nothing behind it is seen', async () => {
    feed.loses = () => true;
    await scripted.server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'DELETE' });
    const end = new Gate();
    await scripted.run(alice, () => end.opened, { threadId });
    await auditTwice();
    expect(await bob.next('thread_detached')).toEqual({ threadId, reason: 'access_removed' });
    feed.loses = () => false;
    end.open();
    await alice.next('agent_completed');
    await bob.fence();

    expect(bob.events(threadId).map((event) => event.type)).toEqual(['thread_updated']);
    checkContiguous(alice.events(threadId));
  });

  it('and tells of a deletion does so too', async () => {
    feed.loses = () => true;
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    await auditTwice();

    for (const client of [alice, bob]) {
      expect(await client.next('thread_detached')).toEqual({ threadId, reason: 'deleted' });
    }
  });

  it('and tells of a deletion hides no thread that was made again: the old following ends, a new one is whole', async () => {
    feed.loses = () => true;
    await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'DELETE' });
    await alice.ask('create_thread', { threadId });
    feed.loses = () => false;
    const from = bob.frames.length;
    await alice.ask('switch_thread', { threadId, after: 0 });
    await alice.ask('user_message', { content: 'mine alone' });
    await alice.next('agent_completed');
    await bob.fence();

    expect(wire(bob, threadId, from)).toEqual(['thread_detached']);
    const events = alice.events(threadId);
    checkContiguous(events.slice(events.findIndex((event) => event.type === 'message_created')));
  });
});

describe('The audit', () => {
  it('finds nothing where nothing was lost', async () => {
    for (let n = 0; n < 5; n += 1) {
      const { runId } = await alice.ask('user_message', { threadId, content: 'hello' });
      await alice.next('agent_completed', (event) => event['runId'] === runId);
      await auditTwice();
    }

    expect(await healed('tail')).toBe(0);
    expect(await healed('hole')).toBe(0);
    expect(alice.names().filter((name) => name === 'thread_caught_up')).toHaveLength(2);
  });
});
