import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Server } from 'socket.io';

import { NetworkCut, TestServer } from '../../src/testing/index.js';
import { Clients, covered, gathered, upTo } from './client-kit.js';
import { eventually } from './gateway-kit.js';
import { TempDirs } from '../support/temp-dir.js';

describe('The connection of threadcast/client', () => {
  const clients = new Clients();
  const dirs = new TempDirs();
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(async () => {
    await clients.close();
    await server.close();
    await dirs.remove();
  });

  it('renews its token on the live connection', async () => {
    let asked = 0;
    const alice = clients.open({
      url: server.url,
      token: () => ((asked += 1), server.token('alice', { ttlMs: asked === 1 ? 3_000 : 86_400_000 })),
    });
    const bob = await server.ready('bob');
    await alice.ready();
    await eventually('it is renewed', () => alice.state.renewals === 1);
    await bob.fence();

    expect(alice.state).toMatchObject({ status: 'ready', connections: 1, error: null });
    expect(asked).toBe(2);
  });

  it('takes a fresh token and comes back where the old one has expired', async () => {
    const tokens = [await server.token('alice', { ttlMs: 800 }), await server.token('alice')];
    const alice = clients.open({ url: server.url, token: () => tokens.shift()! });
    await alice.ready();
    await eventually('it has come back', () => alice.state.connections === 2);

    expect(alice.state).toMatchObject({ status: 'ready', error: null });
  });

  it('stops for good where the server says so, and rejects what waits', async () => {
    const bad = clients.open({ url: server.url, token: 'no token' });
    const sent = bad.send('never');
    const thread = bad.follow('thread_x1');

    await expect(bad.ready()).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(sent).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(thread.caughtUp()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(bad.state).toMatchObject({ status: 'failed', error: { code: 'unauthenticated' }, waiting: 0 });

    const short = clients.open({ url: server.url, token: await server.token('alice', { ttlMs: 1_000 }) });
    await eventually('it ends', () => short.state.status === 'failed');
    expect(short.state.error).toMatchObject({ code: 'token_expired' });
  });

  it('tries on where its token function fails, and shows why', async () => {
    let fails = true;
    const alice = clients.open({
      url: server.url,
      token: () => (fails ? Promise.reject(new Error('offline')) : server.token('alice')),
    });
    await eventually('it is told', () => alice.state.error?.code === 'no_token');
    fails = false;
    await alice.ready();

    expect(alice.state.error).toBeNull();
  });

  it('comes back from a drain, on another server with the same data', async () => {
    const first = await TestServer.start({ dataDir: await dirs.make() });
    const network = await NetworkCut.to(first.url);
    const alice = clients.open({ url: network.url, token: () => first.token('alice') });
    const drained: number[] = [];
    alice.onDraining(({ reconnectInMs }) => drained.push(reconnectInMs));
    const { threadId } = await alice.send('before');
    const thread = alice.follow(threadId);
    await eventually('the answer is there', () => thread.view.runs[0]?.state === 'completed');
    await first.stop();
    const sent = alice.send('between');
    const second = await TestServer.start({ dataDir: first.dataDir });
    network.leadTo(second.url);

    expect(await sent).toMatchObject({ threadId, duplicate: false });
    expect(drained).toHaveLength(1);
    expect(alice.state).toMatchObject({ status: 'ready', holes: 0, repetitions: 0 });
    await alice.close();
    await network.close();
    await second.close();
  });
});

describe('threadcast/client before a server that errs', () => {
  const clients = new Clients();
  const http = createServer();
  const follows: unknown[] = [];
  let io: Server;

  afterEach(async () => {
    await clients.close();
    await io.close();
  });

  /** Sends the first events of each following wrong, so many times, and then all of them right. */
  async function serve(wrong: readonly (readonly number[])[]): Promise<string> {
    const left = [...wrong];
    io = new Server(http);
    io.on('connection', (socket) => {
      const known = { connectionId: 'conn_1', userId: 'alice' };
      socket.on(
        'subscribe_thread',
        ({ threadId, after }: { threadId: string; after: number }, ack: (answer: object) => void) => {
          follows.push(after);
          ack({ ok: true, threadId, head: 5, epoch: 'e' });
          const seqs = left.shift() ?? upTo(5).slice(after);
          const events = seqs.map((seq) => ({
            threadId,
            seq,
            type: 'custom',
            time: 1,
            data: { name: 'n', value: seq },
          }));
          socket.emit('events', events);
          socket.emit('thread_caught_up', { threadId, head: 5 });
        },
      );
      socket.onAny((...args: unknown[]) => {
        const [name, , ack] = args as [string, unknown, ((answer: object) => void) | undefined];
        if (name !== 'subscribe_thread') ack?.({ ok: true });
      });
      socket.emit('connection_accepted', { ...known, authTimeoutMs: 1 });
      socket.emit('connection_authenticated', { ...known, expiresAt: null });
      socket.emit('connection_ready', { ...known, threadId: null, heldRequests: 0 });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  it('hands on nothing behind a hole, follows anew from its cursor, and counts it', async () => {
    follows.length = 0;
    const url = await serve([[1, 2, 4, 5], [3, 3, 4], [4]]);
    const alice = clients.open({ url, token: 't' });
    const thread = alice.follow('thread_x');
    const events = gathered(thread);
    await thread.caughtUp();

    expect(covered(events)).toEqual([1, 2, 3, 4, 5]);
    expect(follows).toEqual([0, 2, 3, 4]);
    expect(alice.state).toMatchObject({ holes: 2, repetitions: 1 });
  });
});
