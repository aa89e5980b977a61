import type { Socket as TcpSocket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Packets } from '../../src/delivery/index.js';
import { ConnectionRegistry } from '../../src/gateway/index.js';
import { GatheredWrites } from '../../src/gateway/gathered-writes.js';
import { TcpSockets } from '../../src/gateway/tcp-sockets.js';
import { TestServer, checkContiguous } from '../../src/testing/index.js';
import { askForUpgrade } from './startup-wire.js';

/** Counts the writes to the operating system from now on. */
function watchWrites(socket: TcpSocket): () => number {
  const counts = [jest.spyOn(socket, '_write'), jest.spyOn(socket as Required<TcpSocket>, '_writev')];
  return () => counts.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

/** Writes to the operating system while `work` is done. */
async function countWrites(socket: TcpSocket, work: () => Promise<void>): Promise<number> {
  const writes = watchWrites(socket);
  await work();
  return writes();
}

/** Counts what is written to each TCP socket, from the moment at which its transport opens. */
function watchOpened(server: TestServer): readonly (() => number)[] {
  const watched: (() => number)[] = [];
  const sockets = server.get(TcpSockets);
  const opened = sockets.opened.bind(sockets);
  jest.spyOn(sockets, 'opened').mockImplementation((conn) => {
    watched.push(watchWrites(conn.request.socket));
    opened(conn);
  });
  return watched;
}

describe('A connection that comes with its token', () => {
  it('is ready after two writes: the answer to the upgrade, and all that it is told', async () => {
    const server = await TestServer.start();
    const watched = watchOpened(server);
    const alice = server.connect({ transports: ['websocket'], auth: { token: await server.token('alice') } });
    const bob = server.connect({ transports: ['websocket'], auth: { token: await server.token('bob') } });

    for (const client of [alice, bob]) {
      await client.next('connection_accepted');
      await client.next('connection_authenticated');
      await client.next('connection_ready');
    }
    expect(watched.map((writes) => writes())).toEqual([2, 2]);

    // What comes later is held back by nothing.
    expect(await alice.ask('ping', {})).toHaveProperty('time');
    await server.close();
  });

  it('is answered also where it is refused in the same turn: an old protocol', async () => {
    const server = await TestServer.start();

    await expect(askForUpgrade(server.url, '&EIO=3')).rejects.toThrow('The server upgraded the connection.');
    await server.close();
  });
});

describe('Transports that are let go of together', () => {
  it('can all send again, also where a listener of one fails', async () => {
    const server = await TestServer.start();
    const clients = [await server.ready('alice'), await server.ready('bob'), await server.ready('carol')];
    const transports = server
      .get(ConnectionRegistry)
      .all()
      .map(({ socket }) => socket.conn.transport);
    const writes = server.get(GatheredWrites);
    for (const { socket } of server.get(ConnectionRegistry).all()) writes.hold(socket.conn);
    expect(transports.map(({ writable }) => writable)).toEqual([false, false, false]);
    const seen: boolean[][] = [];
    transports[0]?.once('ready', () => {
      seen.push(transports.map(({ writable }) => writable));
      throw new Error('of a listener');
    });

    expect(() => writes.release()).toThrow(expect.objectContaining({ cause: new Error('of a listener') }));
    expect(seen).toEqual([[true, true, true]]);
    for (const client of clients) await client.fence();
    await server.close();
  });
});

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
    const given = new Packets(() => ['2["exception",{"error":"as a frame"}]']);

    const options = { compress: false, wsPreEncodedFrame: [given.frames] };
    conn?.write('2["exception",{"error":"as a text"}]', options);

    expect(await alice.next('exception')).toEqual({ error: 'as a frame' });
  });
});
