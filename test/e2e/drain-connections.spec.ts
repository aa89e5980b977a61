import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Manager } from 'socket.io-client';

import { CloseConnections } from '../../src/gateway/drain-steps.js';
import { DrainStep } from '../../src/startup/index.js';
import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { Hold, closedCount, eventually } from './gateway-kit.js';

class HeldStep extends DrainStep {
  override readonly name = 'held by the test';
  override readonly stage = 'finish';
  readonly gate = new Hold();

  override run(): Promise<void> {
    return this.gate.pass();
  }
}

describe('A server that drains', () => {
  const dirs = new TempDirs();
  let server: TestServer;
  let step: HeldStep;
  let dataDir: string;

  beforeEach(async () => {
    step = new HeldStep();
    dataDir = await dirs.make();
    const module = class Held {};
    const providers = [{ provide: HeldStep, useValue: step }];
    server = await TestServer.start({ dataDir, imports: [{ module, providers }] });
  });

  afterEach(async () => {
    step.gate.release();
    await server.close();
    await dirs.remove();
  });

  const reasonOf = async (client: TestClient) => (await client.next('disconnect'))['reason'];

  it.each([['websocket'], ['polling']])(
    'tells all, and ends the transports so that stock clients come back, over %s',
    async (transport) => {
      const options = { transports: [transport], reconnection: true, reconnectionDelay: 60_000 };
      const clients = [
        await server.ready('alice', options),
        await server.ready('bob', options),
        server.connect(options),
      ];
      await clients[2]!.next('connection_accepted');
      step.gate.release();
      await server.drain();
      const told = await Promise.all(clients.map((client) => client.next('server_draining')));

      for (const { reconnectInMs } of told) expect(reconnectInMs).toBeGreaterThanOrEqual(0);
      expect(new Set(told.map(({ reconnectInMs }) => reconnectInMs)).size).toBe(clients.length);
      for (const client of clients) {
        expect(await client.next('exception')).toMatchObject({ error: { code: 'draining' }, reconnect: true });
        expect(await reasonOf(client)).toBe('transport close');
        expect(client.socket.active).toBe(true);
        client.close();
      }
      expect(await closedCount(server, 'draining')).toBe(clients.length);
    },
  );

  it.each(['websocket', 'polling'])('flushes what was sent: a run is seen to its end, over %s', async (transport) => {
    const alice = await server.ready('alice', { transports: [transport] });
    const text = 'word after word '.repeat(2_000);
    const { threadId } = await alice.ask('user_message', { content: text });
    step.gate.release();
    await server.drain();
    await alice.next('disconnect');

    const events = alice.events(threadId);
    checkContiguous(events);
    expect(events.at(-1)?.type).toBe('agent_completed');
    expect(deltaText(events)).toBe(text);
  });

  it('serves requests until the end, accepts no connection, and keeps what it took for the next start', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');
    const drained = server.drain();
    await step.gate.arrived();
    await Promise.all([alice.next('server_draining'), bob.next('server_draining')]);
    await bob.fence();
    const taken = await alice.ask('user_message', { content: 'kept for later', messageId: 'm1' });
    expect(taken).toMatchObject({ status: 'queued', associated: true });
    const late = server.connect();
    await late.next('connect_error');
    step.gate.release();
    await drained;
    await alice.next('disconnect');

    const next = await TestServer.start({ dataDir });
    try {
      const back = await next.ready('alice', { auth: { threadId: taken['threadId'], after: 0 } });
      await back.next('agent_completed');
      checkContiguous(back.events(taken['threadId']));
      expect(deltaText(back.events(taken['threadId']))).toBe('kept for later');
      expect(await back.ask('user_message', { content: 'kept for later', messageId: 'm1' })).toMatchObject({
        duplicate: true,
        runId: taken['runId'],
      });
    } finally {
      await next.close();
    }
  });

  it('tells one that asks for its connection during the drain', async () => {
    const manager = new Manager(server.url, { transports: ['websocket'], reconnection: false });
    await new Promise<void>((resolve) => manager.once('open', resolve));
    const drained = server.drain();
    await step.gate.arrived();
    const socket = manager.socket('/');
    const told = new Promise<unknown>((resolve) => socket.once('server_draining', resolve));
    const left = new Promise<unknown>((resolve) => socket.once('disconnect', resolve));

    expect(await told).toEqual({ reconnectInMs: 2_000 });
    step.gate.release();
    await drained;
    expect(await left).toBe('transport close');
    expect(await closedCount(server, 'draining')).toBe(1);
  });

  it('whose time is over closes all that are left at once', async () => {
    const clients = [await server.ready('alice'), await server.ready('bob'), await server.ready('carol')];
    const time = new AbortController();
    const closing = server.get(CloseConnections).run(time.signal, 60_000);
    time.abort(new Error('the time is over'));
    await closing;

    for (const client of clients) {
      expect(await client.next('exception')).toMatchObject({ error: { code: 'draining' }, reconnect: true });
    }
    expect(await closedCount(server, 'draining')).toBe(clients.length);
  });

  it('answers what waits for authentication', async () => {
    const stranger = server.connect();
    const held = stranger.request('user_message', { content: 'too late' });
    await eventually(
      'it is held',
      async () => (await server.metrics.value('threadcast_gateway_held_requests_total', {})) === 1,
    );
    step.gate.release();
    await server.drain();

    expect(await held).toMatchObject({ ok: false, error: { code: 'draining', retryable: true } });
    expect(await reasonOf(stranger)).toBe('transport close');
  });

  it('is left by a stock client for the next one on its port, which goes on at its cursor', async () => {
    const token = await server.token('alice');
    const auth: Record<string, unknown> = { token };
    const alice = server.connect({ auth, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20 });
    const { threadId } = await alice.ask('user_message', { content: 'before' });
    await alice.next('agent_completed');
    const position = alice.events(threadId).at(-1)!.seq;
    Object.assign(auth, { threadId, after: position });
    step.gate.release();
    await server.drain();
    const next = await TestServer.start({ dataDir, env: { PORT: new URL(server.url).port } });
    try {
      await alice.next('connection_ready', (data) => data['threadId'] === threadId);
      await alice.next('thread_caught_up');
      await alice.ask('user_message', { content: 'after' });
      await alice.next('agent_completed');
      checkContiguous(alice.events(threadId));
      expect(deltaText(alice.events(threadId))).toBe('beforeafter');
    } finally {
      alice.close();
      await next.close();
    }
  });
});
