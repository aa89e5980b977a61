import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ManualClock, TestServer } from '../../src/testing/index.js';
import { closeByHand, expectNothingLeft } from './gateway-kit.js';

describe('What Socket.IO reserves or cannot read', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it.each([
    ['the event connect', '2["connect",{}]'],
    ['the event connect_error', '2["connect_error",{}]'],
    ['the event disconnect', '2["disconnect",{}]'],
    ['the event disconnecting', '2["disconnecting",{}]'],
    ['the event newListener', '2["newListener",{}]'],
    ['the event removeListener', '2["removeListener",{}]'],
    ['no JSON', '2["ping"'],
    ['an event without a name', '2[{}]'],
    ['a kind that does not exist', '9["ping"]'],
    ['an error from the client', '4{"message":"x"}'],
    ['a second connect', '0{"token":"x"}'],
    ['an attachment that is announced twice over', '5100-["ping",{"_placeholder":true,"num":0}]'],
  ])('ends the socket, and no other: %s', async (_what, packet) => {
    const alice = await server.ready('alice', { reconnection: true, reconnectionDelay: 60_000 });
    const bob = await server.ready('bob');
    alice.socket.io.engine.write(packet);

    expect(await alice.next('disconnect')).toEqual({ reason: expect.stringMatching(/^transport/u) });
    expect(alice.socket.active).toBe(true);
    await bob.fence();
    for (const client of [alice, bob]) client.close();
    await expectNothingLeft(server);
  });

  it('is harmless where it is an answer that nobody waits for', async () => {
    const alice = await server.ready('alice');
    alice.socket.io.engine.write('3999["answer"]');
    await alice.fence();

    expect(alice.disconnects).toEqual([]);
  });
});

describe('A number as the name of a request', () => {
  it.each(['2[5,6]', '27[5,6]', '2[0]'])(
    'is a request that does not exist, also before authentication: %s',
    async (packet) => {
      const server = await TestServer.start();
      try {
        const stranger = server.connect();
        await stranger.next('connection_accepted');
        stranger.socket.io.engine.write(packet);
        const alice = await server.ready('alice');
        alice.socket.io.engine.write('2[5,6]');

        expect(await alice.next('exception')).toMatchObject({ request: '5', error: { code: 'unknown_request' } });
        await alice.fence();
      } finally {
        await server.close();
      }
    },
  );
});

describe('A transport whose connection has left', () => {
  it('is ended as well, though its client keeps it open', async () => {
    const clock = new ManualClock();
    const server = await TestServer.start({ clock });
    try {
      const alice = await server.ready('alice');
      alice.socket.io.engine.write('1');
      await expectNothingLeft(server);
      expect(alice.disconnects).toEqual([]);
      clock.advance(5_000);

      expect(await alice.next('disconnect')).toEqual({ reason: 'transport close' });
    } finally {
      await closeByHand(server, clock);
    }
  });
});
