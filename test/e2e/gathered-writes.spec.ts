import type { Socket as TcpSocket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Packet } from '../../src/delivery/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TcpSockets } from '../../src/gateway/tcp-sockets.js';
import { TestServer, checkContiguous } from '../../src/testing/index.js';

/** Writes to the operating system while `work` is done. */
async function countWrites(socket: TcpSocket, work: () => Promise<void>): Promise<number> {
  const counts = [jest.spyOn(socket, '_write'), jest.spyOn(socket as Required<TcpSocket>, '_writev')];
  await work();
  return counts.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

describe('Events that leave together', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it.each([
    ['that began as a WebSocket', ['websocket']],
    ['that was upgraded', ['polling', 'websocket']],
  ])('leave in a few writes on a connection %s, though each has its frame', async (_, transports) => {
    const writer = await server.ready('bob');
    const { threadId } = await writer.ask('create_thread', {});
    await server.fetch('bob', `/api/threads/${threadId as string}/members/alice`, { method: 'PUT' });
    for (let index = 0; index < 40; index += 1) {
      await writer.ask('user_message', { threadId, content: `message ${index}` });
      await writer.next('agent_completed');
    }
    const reader = server.connect({ transports, auth: { token: await server.token('alice') } });
    await reader.next('connection_ready');
    const engine = reader.socket.io.engine;
    if (engine.transport.name !== 'websocket') await new Promise<void>((done) => engine.once('upgrade', () => done()));
    await reader.fence();
    const all = server.get(ConnectionRegistry).all();
    const conn = all.find(({ principal }) => principal?.userId === 'alice')?.socket.conn;
    const tcp = conn === undefined ? null : server.get(TcpSockets).under(conn);
    if (tcp === null) throw new Error('There is no TCP socket under the connection.');

    const writes = await countWrites(tcp, async () => {
      await reader.ask('switch_thread', { threadId, after: 0 });
      await reader.next('thread_caught_up');
    });

    const events = reader.events(threadId);
    checkContiguous(events);
    expect(events.length).toBeGreaterThan(200);
    expect(writes).toBeGreaterThan(0);
    expect(writes).toBeLessThan(events.length / 10);
  });

  it('are encoded once for all: the transport sends the frame that it is given', async () => {
    const alice = await server.ready('alice');
    const conn = server
      .get(ConnectionRegistry)
      .all()
      .find(({ principal }) => principal?.userId === 'alice')?.socket.conn;
    const given = new Packet('2["exception",{"error":"as a frame"}]');

    const options = { compress: false, wsPreEncodedFrame: [given.frame] };
    conn?.write('2["exception",{"error":"as a text"}]', options);

    expect(await alice.next('exception')).toEqual({ error: 'as a frame' });
  });
});
