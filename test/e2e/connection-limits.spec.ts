import { afterEach, describe, expect, it } from '@jest/globals';
import { Manager } from 'socket.io-client';

import { HalfOpenTransports } from '../../src/gateway/half-open-transports.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { Authenticator } from '../../src/identity/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { closedCount, eventually, expectNothingLeft, hold } from './gateway-kit.js';

describe('Limits of connections', () => {
  let server: TestServer;

  afterEach(() => server.close());

  const start = async (env: Record<string, string>): Promise<void> => {
    server = await TestServer.start({ env });
  };
  const gone = (size: number) => eventually('one leaves', () => server.get(ConnectionRegistry).size === size);
  const expectRefused = async (client: TestClient): Promise<void> => {
    expect(await client.next('exception')).toMatchObject({ error: { code: 'too_many_connections' }, reconnect: false });
    expect(await client.next('disconnect')).toEqual({ reason: 'io server disconnect' });
    expect(client.socket.active).toBe(false);
    expect(client.names()).not.toContain('connection_ready');
  };

  it('in all: one more is refused for good, and let in once another has left', async () => {
    await start({ MAX_CONNECTIONS: '2' });
    const [alice, bob] = [await server.ready('alice'), await server.ready('bob')];
    await expectRefused(server.connect({ auth: { token: await server.token('carol') }, reconnection: true }));
    expect(await closedCount(server, 'too_many_connections')).toBe(1);
    await Promise.all([alice.fence(), bob.fence()]);
    bob.close();
    await gone(1);

    await server.ready('carol');
  });

  it('of one user, by the handshake: one more is refused, another user is let in', async () => {
    await start({ MAX_CONNECTIONS_PER_USER: '2' });
    const first = await server.ready('alice');
    await server.ready('alice');
    await expectRefused(server.connect({ auth: { token: await server.token('alice') }, reconnection: true }));
    await server.ready('bob');
    first.close();
    await gone(2);

    await server.ready('alice');
  });

  it('of one user, by request: one more is answered, then disconnected for good', async () => {
    await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const first = await server.ready('alice');
    const second = server.connect();
    const held = second.request('ping');
    const answer = await second.request('authenticate', { token: await server.token('alice') });

    expect(answer).toMatchObject({ ok: false, error: { code: 'too_many_connections' } });
    expect(await held).toMatchObject({ ok: false, error: { code: 'too_many_connections' } });
    await expectRefused(second);
    await first.fence();
  });

  it('of one user are not passed by many that authenticate at once', async () => {
    await start({ MAX_CONNECTIONS_PER_USER: '3' });
    const verification = hold(server.get(Authenticator), 'authenticate');
    const token = await server.token('alice');
    const clients = Array.from({ length: 8 }, () => server.connect({ auth: { token } }));
    await verification.arrived(8);
    verification.release();
    await eventually('five are refused', async () => (await closedCount(server, 'too_many_connections')) === 5);

    expect(server.get(ConnectionRegistry).countOf('alice')).toBe(3);
    for (const client of clients) client.close();
    await expectNothingLeft(server);
  });

  it('of one user do not count a renewal', async () => {
    await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const alice = await server.ready('alice');
    for (let round = 0; round < 3; round += 1) {
      await alice.ask('authenticate', { token: await server.token('alice') });
    }
    alice.close();
    await gone(0);

    await server.ready('alice');
  });

  it('unauthenticated: one more is refused, until one of them has shown its token', async () => {
    await start({ MAX_UNAUTHENTICATED_CONNECTIONS: '2' });
    const waiting = [server.connect(), server.connect()];
    await Promise.all(waiting.map((client) => client.next('connection_accepted')));
    await expectRefused(server.connect({ reconnection: true }));
    await waiting[0]!.ask('authenticate', { token: await server.token('alice') });
    const third = server.connect();
    await third.next('connection_accepted');

    expect(server.get(ConnectionRegistry).unauthenticated).toBe(2);
  });

  it('unauthenticated: of transports that never ask for a connection the oldest makes room, and nobody is kept out', async () => {
    await start({ MAX_UNAUTHENTICATED_CONNECTIONS: '2' });
    const open = (): Manager => new Manager(server.url, { transports: ['websocket'], reconnection: false });
    const opened = (manager: Manager) =>
      new Promise<boolean>((resolve) => {
        manager.once('open', () => resolve(true));
        manager.once('error', () => resolve(false));
      });
    const managers = [open(), open()];
    expect(await Promise.all(managers.map(opened))).toEqual([true, true]);
    const oldest = new Promise((resolve) => managers[0]?.once('close', resolve));
    const alice = await server.ready('alice');
    await oldest;

    expect(await closedCount(server, 'never_connected')).toBe(1);
    expect(server.get(HalfOpenTransports).size).toBe(1);
    await alice.fence();
    for (const manager of managers) manager._close();
  });
});
