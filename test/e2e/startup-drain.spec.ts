import { afterEach, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';

import { DrainStep, type DrainStage } from '../../src/startup/index.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Gate, LogLines, SlowRequests, beginServer } from './startup-app.js';
import { ask, askForPolling, askForUpgrade } from './startup-wire.js';

const DRAINING = { type: 'urn:threadcast:error:draining', status: 503, code: 'draining', retryable: true };

class RecordedStep extends DrainStep {
  budgetMs = 0;
  aborted = false;

  constructor(
    readonly name: string,
    readonly stage: DrainStage,
    private readonly done: string[],
    private readonly work: () => Promise<void> = () => Promise.resolve(),
  ) {
    super();
  }

  override async run(signal: AbortSignal, budgetMs: number): Promise<void> {
    this.budgetMs = budgetMs;
    signal.addEventListener('abort', () => (this.aborted = true));
    this.done.push(this.name);
    await this.work();
  }
}

const provided = (...steps: DrainStep[]) => steps.map((step) => ({ provide: Symbol(step.name), useValue: step }));

describe('a server that is told to stop', () => {
  const clients: Socket[] = [];
  afterEach(() => clients.splice(0).forEach((client) => client.close()));

  const connected = async (url: string, transport: string): Promise<Socket> => {
    const client = io(url, { transports: [transport], forceNew: true, reconnection: false });
    clients.push(client);
    await new Promise<void>((resolve) => client.once('connect', resolve));
    return client;
  };

  it('runs its drain steps by stage, each once, and closes the port', async () => {
    const done: string[] = [];
    const steps = (['close', 'finish', 'announce', 'flush'] as const).map(
      (stage) => new RecordedStep(stage, stage, done),
    );
    const server = await beginServer({ providers: provided(...steps) }).started;
    await Promise.all([server.drainAndClose(), server.drainAndClose()]);
    expect(done).toEqual(['announce', 'finish', 'flush', 'close']);
    await expect(ask(server.url)).rejects.toThrow('ECONNREFUSED');
  });

  it('goes past a step that fails and one that is late, and logs both', async () => {
    const done: string[] = [];
    const clock = new ManualClock();
    const log = new LogLines();
    const hang = new Gate();
    const late = new RecordedStep('runs', 'finish', done, () => hang.pass());
    const failing = new RecordedStep('announcement', 'announce', done, () => Promise.reject(new Error('no way')));
    const last = new RecordedStep('sockets', 'close', done);
    const providers = provided(late, failing, last);
    const server = await beginServer({ providers, clock, log, startup: { shutdownGraceMs: 1000 } }).started;
    const closed = server.drainAndClose();
    await hang.arrival;
    expect(late.budgetMs).toBe(700);
    clock.advance(700);
    await closed;
    expect(done).toEqual(['announcement', 'runs', 'sockets']);
    expect(late.aborted).toBe(true);
    expect(last.budgetMs).toBe(200);
    expect(log.lines).toContain("Drain step 'announcement' (announce): no way");
    expect(log.lines).toContain("Drain step 'runs' (finish): did not finish within 700 ms");
    hang.open();
  });

  it('refuses what is new, and goes on with what is open', async () => {
    const slow = new SlowRequests();
    const hold = new Gate();
    const step = new RecordedStep('hold', 'finish', [], () => hold.pass());
    const server = await beginServer({ slow, providers: provided(step) }).started;
    const { url } = server;
    const polling = await connected(url, 'polling');
    const websocket = await connected(url, 'websocket');
    const inHand = ask(`${url}/api/slow`);
    await slow.arrival;

    const closed = server.drainAndClose();
    await hold.arrival;
    for (const answer of [await ask(`${url}/api/quick`), await askForPolling(url), await askForUpgrade(url)]) {
      expect(answer).toMatchObject({
        status: 503,
        body: DRAINING,
        headers: { connection: 'close', 'retry-after': '1' },
      });
    }
    expect(await ask(`${url}/health/live`)).toMatchObject({ status: 200 });
    expect(await ask(`${url}/health/ready`)).toMatchObject({ status: 503, body: { status: 'draining' } });
    expect((await ask(`${url}/metrics`)).status).toBe(200);
    expect(await polling.emitWithAck('ping', {})).toEqual({ id: polling.id });
    expect(await websocket.emitWithAck('ping', {})).toEqual({ id: websocket.id });

    const gone = Promise.all(clients.map((client) => new Promise((resolve) => client.once('disconnect', resolve))));
    hold.open();
    slow.open();
    expect(await inHand).toMatchObject({ status: 200, body: { ok: true } });
    await closed;
    await gone;
  });

  it('lets a request in hand finish before the application is closed', async () => {
    const slow = new SlowRequests();
    const server = await beginServer({ slow }).started;
    const inHand = ask(`${server.url}/api/slow`);
    await slow.arrival;
    const closed = server.drainAndClose();
    expect(await ask(`${server.url}/api/quick`)).toMatchObject({ status: 503, body: DRAINING });
    slow.open();
    expect(await inHand).toMatchObject({ status: 200 });
    await closed;
  });

  it('breaks off a request that outlives the grace', async () => {
    const slow = new SlowRequests();
    const clock = new ManualClock();
    const server = await beginServer({ slow, clock, startup: { shutdownGraceMs: 1000 } }).started;
    const inHand = ask(`${server.url}/api/slow`);
    await slow.arrival;
    const closed = server.drainAndClose();
    expect(await ask(`${server.url}/api/quick`)).toMatchObject({ status: 503, body: DRAINING });
    clock.advance(1000);
    await closed;
    await expect(inHand).rejects.toThrow();
    slow.open();
  });

  it('does not disturb another server in the process', async () => {
    const one = await beginServer().started;
    const other = await beginServer().started;
    const client = await connected(other.url, 'websocket');
    await one.drainAndClose();
    expect(await ask(`${other.url}/api/quick`)).toMatchObject({ status: 200 });
    expect(await client.emitWithAck('ping', {})).toEqual({ id: client.id });
    await other.drainAndClose();
  });
});
