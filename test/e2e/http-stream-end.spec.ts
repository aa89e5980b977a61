import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ManualClock } from '../../src/testing/manual-clock.js';
import { HttpApp, User } from './http-app.js';

let clock: ManualClock;
let app: HttpApp;
let alice: User;

beforeEach(async () => {
  clock = new ManualClock();
  app = await HttpApp.start({ clock });
  alice = await app.as('alice');
});

afterEach(() => app.close());

describe('An event stream', () => {
  it('is kept alive by comments, while nothing happens', async () => {
    const stream = alice.follow(await alice.thread());
    await stream.comment('caught up 0');
    clock.advance(14_999);
    expect(stream.comments).toEqual(['caught up 0']);
    clock.advance(1);
    await stream.comment('here');

    expect(stream.events).toEqual([]);
  });

  it('ends with the token that opened it', async () => {
    const shortly = new User(app, await app.token({ userId: 'alice', ttlMs: 60_000 }));
    const threadId = await alice.thread();
    const [ending, staying] = [shortly.follow(threadId), alice.follow(threadId)];
    await Promise.all([ending.comment('caught up 0'), staying.comment('caught up 0')]);
    clock.advance(60_000);
    await ending.ended;
    await alice.call('PATCH', `/api/threads/${threadId}`, { title: 'later' });
    await staying.event((event) => event.seq === 1);

    expect(ending.events).toEqual([]);
    expect(ending.comments.at(-1)).toBe('token expired');
  });

  it('outlives the longest timer when its token does', async () => {
    const forLong = new User(app, await app.token({ userId: 'alice', ttlMs: 400 * 86_400_000 }));
    const threadId = await alice.thread();
    const stream = forLong.follow(threadId);
    await stream.comment('caught up 0');
    await alice.call('PATCH', `/api/threads/${threadId}`, { title: 'now' });

    expect((await stream.event((event) => event.seq === 1)).type).toBe('thread_updated');
  });

  it('ends when the server drains', async () => {
    const stream = alice.follow(await alice.thread());
    await stream.comment('caught up 0');
    await app.server.drainAndClose();
    await stream.ended;

    expect(stream.comments.at(-1)).toBe('draining');
  });

  it('leaves nothing behind when its client goes', async () => {
    const threadId = await alice.thread();
    const timers = clock.pendingTimers;
    const streams = Array.from({ length: 20 }, () => alice.follow(threadId));
    await Promise.all(streams.map((stream) => stream.comment('caught up 0')));
    expect(await liveAttachments()).toBe(20);
    for (const stream of streams) stream.close();

    // Each request is a turn in which the server can notice connections that were closed.
    while ((await liveAttachments()) > 0) await alice.get(`/api/threads/${threadId}`);
    expect(clock.pendingTimers).toBe(timers);
    expect(await app.metrics.value('threadcast_delivery_channels', {})).toBe(0);
  });
});

function liveAttachments(): Promise<number> {
  return app.metrics.value('threadcast_delivery_attachments', { state: 'live' });
}
