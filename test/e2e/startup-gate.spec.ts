import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';

import { Module } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';

import { ClockModule } from '../../src/clock/index.js';
import { HealthController } from '../../src/http/health.controller.js';
import { Metrics, MetricsModule } from '../../src/metrics/index.js';
import { StartupModule, startServer, type RunningServer } from '../../src/startup/index.js';
import { HeldTask, LogLines, beginServer } from './startup-app.js';
import { ask, askForPolling, askForUpgrade } from './startup-wire.js';

const STARTING = { type: 'urn:threadcast:error:starting', status: 503, code: 'starting', retryable: true };

@Module({
  imports: [ClockModule, MetricsModule, StartupModule.forRoot({ shutdownGraceMs: 1_000 })],
  controllers: [HealthController],
})
class SmallestModule {}

describe('a server made from its root module', () => {
  it('is configured before it is initialised, and serves at the address that it names', async () => {
    const server = await startServer({
      module: SmallestModule,
      host: '0.0.0.0',
      port: 0,
      logger: new LogLines(),
      configure: (app) => void app.setGlobalPrefix('inner'),
    });
    expect(server.url).toBe(`http://127.0.0.1:${server.address.port}`);
    expect(await ask(`${server.url}/inner/health/ready`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    await server.drainAndClose();
  });
});

describe('a server with as many TCP connections as it takes', () => {
  it('closes one more as it comes, counts it, and takes the next once another has gone', async () => {
    const server = await startServer({
      module: SmallestModule,
      host: '127.0.0.1',
      port: 0,
      logger: new LogLines(),
      maxSockets: 2,
    });
    const { port } = server.address;
    const open = Array.from({ length: 2 }, () => connectTcp(port, '127.0.0.1').resume());
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    const refused = connectTcp(port, '127.0.0.1').resume();
    await once(refused, 'close');
    expect(await server.app.get(Metrics).value('threadcast_startup_refused_sockets_total', {})).toBe(1);
    open[0]?.write('GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(open[0]!, 'close');

    expect(await ask(`${server.url}/health/ready`)).toMatchObject({ status: 200 });
    open[1]?.destroy();
    await server.drainAndClose();
  });
});

describe('a server that is starting', () => {
  const clients: Socket[] = [];
  let task: HeldTask;
  let url: string;
  let started: Promise<RunningServer>;

  const begin = async (): Promise<void> => {
    task = new HeldTask();
    const begun = beginServer({ providers: [{ provide: HeldTask, useValue: task }] });
    started = begun.started;
    url = await begun.url;
    await task.gate.arrival;
  };

  afterEach(async () => {
    task.gate.open();
    clients.splice(0).forEach((client) => client.close());
    await (await started).drainAndClose();
  });

  it('answers handshakes of both transports 503 with Retry-After', async () => {
    await begin();
    for (const answer of [await askForPolling(url), await askForUpgrade(url)]) {
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.body).toMatchObject(STARTING);
    }
  });

  it('answers API calls 503 with Retry-After, known routes and unknown ones', async () => {
    await begin();
    for (const path of ['/api/quick', '/nowhere', '/metrics']) {
      const answer = await ask(`${url}${path}`);
      expect(answer).toMatchObject({ status: 503, body: STARTING });
      expect(answer.headers['retry-after']).toBe('1');
    }
  });

  it('asks for no body that it would not read', async () => {
    await begin();
    const answer = await ask(`${url}/api/quick`, { Expect: '100-continue', 'Content-Length': '1000' }, 'POST');
    expect(answer).toMatchObject({ status: 503, body: STARTING, headers: { connection: 'close' } });
  });

  it('is live, and not ready, and says which task it is at', async () => {
    await begin();
    expect(await ask(`${url}/health/live`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    const ready = await ask(`${url}/health/ready`);
    expect(ready).toMatchObject({
      status: 503,
      body: { status: 'starting', tasks: [{ name: 'held', status: 'running' }] },
    });
    expect(ready.headers['retry-after']).toBe('1');
  });

  it('survives an upgrade that nobody serves and whose connection is then reset', async () => {
    await begin();
    task.gate.open();
    await started;
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await ask(`${url}/health/live`);
    socket.resetAndDestroy();
    for (let round = 0; round < 3; round += 1) expect((await ask(`${url}/health/live`)).status).toBe(200);
  });

  it.each(['websocket', 'polling'])(
    'connects a %s client that keeps trying as soon as it is ready',
    async (transport) => {
      await begin();
      const client = io(url, {
        transports: [transport],
        reconnectionDelay: 5,
        reconnectionDelayMax: 10,
        forceNew: true,
      });
      clients.push(client);
      const connected = new Promise<void>((resolve) => client.once('connect', resolve));
      await new Promise<void>((resolve) => client.once('connect_error', () => resolve()));
      expect(client.connected).toBe(false);
      task.gate.open();
      await connected;
      expect(await client.emitWithAck('ping', {})).toEqual({ id: client.id });
    },
  );

  it('serves everything once its tasks are done', async () => {
    await begin();
    task.gate.open();
    await started;
    expect(await ask(`${url}/api/quick`)).toMatchObject({ status: 200, body: { ok: true } });
    const continued = await ask(`${url}/api/quick`, { Expect: '100-continue', 'Content-Length': '0' }, 'POST');
    expect(continued.status).toBe(201);
    expect(await ask(`${url}/health/live`)).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await ask(`${url}/health/ready`)).toMatchObject({ status: 200, body: { status: 'ok', checks: [] } });
    const metrics = await ask(`${url}/metrics`);
    expect(metrics.headers['content-type']).toContain('text/plain');
    expect(metrics.body['text']).toContain('threadcast_startup_task_seconds{task="held"}');
    expect((await ask(`${url}/api/quick`)).headers['x-powered-by']).toBeUndefined();
  });
});
