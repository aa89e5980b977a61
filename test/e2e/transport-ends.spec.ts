import type { Socket as TcpSocket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { HalfOpenTransports } from '../../src/gateway/half-open-transports.js';
import { TcpSockets } from '../../src/gateway/tcp-sockets.js';
import { ManualClock, TestServer, type TestClient } from '../../src/testing/index.js';
import { closeByHand, eventually, expectNothingLeft } from './gateway-kit.js';

let clock: ManualClock;
let server: TestServer;

beforeEach(async () => {
  clock = new ManualClock();
  server = await TestServer.start({ clock, env: { MAX_UNAUTHENTICATED_CONNECTIONS: '20' } });
});

afterEach(() => closeByHand(server, clock));

const cutCount = (reason = 'not_leaving'): Promise<number> =>
  server.metrics.value('threadcast_gateway_cut_transports_total', { reason });

describe('The end of a transport', () => {
  /** The TCP socket below a client: paused, it reads nothing. */
  const tcp = (client: TestClient): TcpSocket =>
    (client.socket.io.engine as unknown as { transport: { ws: { _socket: TcpSocket } } }).transport.ws._socket;

  it.each(['token_expired', 'second connect'])(
    'does not wait for a client that reads nothing, nor keep what is unsent: %s',
    async (how) => {
      const bob = await server.ready('bob');
      const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 60_000 }) } });
      const { threadId } = await alice.ask('create_thread', {});
      await alice.ask('start_agent', { threadId, agent: 'echo', input: { text: 'x'.repeat(100_000), repeat: 20 } });
      await alice.next('agent_completed');
      const registry = server.get(ConnectionRegistry);
      const connection = registry.all().find(({ principal }) => principal?.userId === 'alice')!;
      const { conn } = connection.socket;
      const below = server.get(TcpSockets).under(conn)!;
      tcp(alice).pause();
      // More than the kernel takes: the rest stays with the server.
      for (let asked = 0; asked < 12; asked += 1)
        alice.socket.emit('get_thread_history', { threadId, limit: 1_000 }, () => undefined);
      await eventually('much is unsent', () => connection.outbox.unsent > 1_000_000);
      if (how === 'token_expired') clock.advance(60_000);
      else alice.socket.io.engine.write('0{}');
      await eventually('the connection is over', () => registry.size === 1);
      expect(below.destroyed).toBe(false);
      clock.advance(4_999);
      expect(below.destroyed).toBe(false);
      clock.advance(1);

      await eventually('the transport is over', () => conn.readyState === 'closed' && below.destroyed);
      expect(await cutCount()).toBe(1);
      await bob.fence();
    },
  );

  it('is left to a client that says goodbye: nobody is cut off', async () => {
    const alice = await server.ready('alice', { auth: { token: await server.token('alice', { ttlMs: 60_000 }) } });
    const below = server.get(TcpSockets).under(server.get(ConnectionRegistry).all()[0]!.socket.conn)!;
    clock.advance(60_000);
    await alice.next('disconnect');
    await eventually('its TCP connection is over', () => below.destroyed);
    clock.advance(5_000);

    expect(await cutCount()).toBe(0);
    await expectNothingLeft(server);
  });
});

describe('Asking for namespaces that do not exist', () => {
  it.each(['before its connection', 'after it'])(
    'is answered a few times, then the transport is ended: %s',
    async (when) => {
      const alice = server.connect();
      await alice.next('connection_accepted');
      const bob = await server.ready('bob');
      const asking = when === 'after it' ? alice : server.connect({ autoConnect: false });
      const refused: string[] = [];
      const { io } = asking.socket;
      if (when !== 'after it') await new Promise((resolve) => io.open(resolve));
      io.engine.on('data', (packet: string) => {
        if (packet.startsWith('4/')) refused.push(packet);
      });
      const over = new Promise((resolve) => io.engine.once('close', resolve));
      for (let asked = 0; asked < 50; asked += 1) io.engine.write(`0/admin${asked},`);
      await over;

      expect(refused.length).toBeLessThanOrEqual(5);
      expect(await cutCount('asked_too_often')).toBe(1);
      expect(server.get(HalfOpenTransports).size).toBe(0);
      await bob.fence();
    },
  );
});
