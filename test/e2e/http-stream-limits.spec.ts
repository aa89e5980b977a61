import { afterEach, describe, expect, it } from '@jest/globals';

import { eventually } from './gateway-kit.js';
import { HttpApp } from './http-app.js';

describe('Event streams', () => {
  let app: HttpApp;

  afterEach(() => app.close());

  const streams = (): Promise<number> => app.metrics.value('threadcast_http_streams', {});
  const open = (count: number) => eventually(`${count} are open`, async () => (await streams()) === count);

  it('of one user are limited; one that ends makes room, and another user is served', async () => {
    app = await HttpApp.start({ http: { maxStreamsPerUser: 2 } });
    const [alice, bob] = [await app.as('alice'), await app.as('bob')];
    const [threadId, other] = [await alice.thread(), await bob.thread()];
    const [first, second] = [alice.follow(threadId), alice.follow(threadId)];
    await Promise.all([first.comment('caught up 0'), second.comment('caught up 0')]);
    const refused = await alice.follow(threadId).opened;
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('5');
    await bob.follow(other).comment('caught up 0');
    expect(await streams()).toBe(3);
    first.close();
    await open(2);

    await alice.follow(threadId).comment('caught up 0');
  });

  it('are limited in all, and tell why', async () => {
    app = await HttpApp.start({ http: { maxStreams: 1 } });
    const [alice, bob] = [await app.as('alice'), await app.as('bob')];
    const [threadId, other] = [await alice.thread(), await bob.thread()];
    await alice.follow(threadId).comment('caught up 0');
    const refused = await bob.call('GET', `/api/threads/${other}/events`, undefined, { Accept: 'text/event-stream' });

    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_connections' } });
  });

  it('that are refused are not counted', async () => {
    app = await HttpApp.start({ http: { maxStreamsPerUser: 1 } });
    const alice = await app.as('alice');
    for (let asked = 0; asked < 3; asked += 1) {
      expect((await alice.follow('thread_none').opened).statusCode).toBe(404);
    }
    expect(await streams()).toBe(0);

    await alice.follow(await alice.thread()).comment('caught up 0');
  });
});
