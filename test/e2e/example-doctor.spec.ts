import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { Inject, Injectable, Module } from '@nestjs/common';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';

import { DeliveryAudit } from '../../src/delivery/audit.js';
import { Channels } from '../../src/delivery/index.js';
import type { ThreadId } from '../../src/ids/index.js';
import { Storage, type ThreadAccess } from '../../src/storage/index.js';
import { TestServer } from '../../src/testing/index.js';
import { CommitFeed, ThreadsService, type CommitListener } from '../../src/threads/index.js';
import { runExample } from './example-process.js';
import { HeldTask } from './startup-app.js';

const SECRET = 'a secret that is long enough for a test of tokens';

const tokenOf = (userId: string): Promise<string> =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setExpirationTime('5 minutes')
    .sign(new TextEncoder().encode(SECRET));

/** The outcome of each step, by name. */
function outcomes(stdout: string): Record<string, string> {
  const lines = stdout.matchAll(/^(ok|FAILED|skipped) +(\S.*?) {2,}/gm);
  return Object.fromEntries([...lines].map(([, outcome, name]): [string, string] => [name!, outcome!]));
}

/** The names of the steps that had this outcome. */
function having(stdout: string, outcome: string): string[] {
  return Object.entries(outcomes(stdout)).flatMap(([name, one]) => (one === outcome ? [name] : []));
}

/** Never tells delivery of the end of a run. */
class ForgetfulFeed extends CommitFeed {
  override subscribe(listener: CommitListener): () => void {
    if (!(listener instanceof Channels)) return super.subscribe(listener);
    return super.subscribe({
      committed: (threadId, events, ...rest) =>
        listener.committed(
          threadId,
          events.filter(({ type }) => type !== 'agent_completed'),
          ...rest,
        ),
      deleted: (threadId) => listener.deleted(threadId),
    });
  }
}

/** Lets everybody into every thread. */
@Injectable()
class OpenThreads extends ThreadsService {
  @Inject(Storage) private readonly everything!: Storage;

  override async access(userId: string, threadId: ThreadId): Promise<ThreadAccess> {
    const thread = await this.everything.threads.get(threadId);
    return super.access(thread?.ownerId ?? userId, threadId);
  }
}

@Module({})
class HeldModule {}

/** A web server that is no Threadcast. */
async function listen(): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer((_req, res) => res.end('<h1>hello</h1>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}

describe('npm run doctor', () => {
  const servers: TestServer[] = [];

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  async function serve(
    env: Record<string, string> = {},
    override?: (builder: TestingModuleBuilder) => TestingModuleBuilder,
  ): Promise<string> {
    const server = await TestServer.start({ env, ...(override !== undefined && { override }) });
    servers.push(server);
    return server.url;
  }

  it('finds nothing wrong with a healthy server, and leaves nothing behind', async () => {
    const url = await serve();
    const { code, stdout } = await runExample('doctor.mjs', [url]);

    expect(stdout).toContain('13 ok, 0 failed, 0 skipped');
    expect(code).toBe(0);
    expect(await servers[0]!.metrics.text()).toContain('threadcast_delivery_channels 0');
  });

  it('works in production with two tokens', async () => {
    const url = await serve({ AUTH_JWT_SECRET: SECRET });
    const tokens = ['--token', await tokenOf('carol'), '--other-token', await tokenOf('dave')];
    const { code, stdout } = await runExample('doctor.mjs', [url, ...tokens]);

    expect(stdout).toContain('13 ok, 0 failed, 0 skipped');
    expect(code).toBe(0);
  });

  it('says what it could not check without tokens', async () => {
    const url = await serve({ AUTH_JWT_SECRET: SECRET });
    const token = await tokenOf('carol');
    const none = await runExample('doctor.mjs', [url]);
    const one = await runExample('doctor.mjs', [url, '--token', token]);
    const same = await runExample('doctor.mjs', [url, '--token', token, '--other-token', token]);

    expect([none.code, one.code, same.code]).toEqual([0, 0, 0]);
    expect(having(none.stdout, 'ok')).toEqual(['reachable', 'live', 'ready', 'accepts', 'refuses a bad token']);
    expect(none.stdout).toContain('Give one with --token');
    expect(having(one.stdout, 'skipped')).toEqual(['isolates']);
    expect(one.stdout).toContain('--other-token');
    expect(having(same.stdout, 'skipped')).toEqual(['isolates']);
  });

  it('says that nobody is there', async () => {
    const url = await serve();
    await servers[0]!.stop();
    const { code, stdout } = await runExample('doctor.mjs', [url]);

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['reachable']);
    expect(stdout).toContain('Nothing listens at');
  });

  it('says that something else is there', async () => {
    const { port, close } = await listen();
    const { code, stdout } = await runExample('doctor.mjs', [`127.0.0.1:${port}`]);
    await close();

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['live']);
    expect(stdout).toContain('Something else listens');
  });

  it('says what a server that is not ready waits for', async () => {
    const task = new HeldTask();
    const { port, close } = await listen();
    await close();
    const started = TestServer.start({
      env: { PORT: String(port) },
      imports: [{ module: HeldModule, providers: [{ provide: HeldTask, useValue: task }] }],
    });
    await task.gate.arrival;
    const { code, stdout } = await runExample('doctor.mjs', [`127.0.0.1:${port}`]);
    task.gate.open();
    servers.push(await started);

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['ready']);
    expect(stdout).toContain(`'starting': task 'held' is running`);
  });

  it('says that a token is refused, and why', async () => {
    const url = await serve({ AUTH_JWT_SECRET: 'another secret, of another server, of enough bytes' });
    const { code, stdout } = await runExample('doctor.mjs', [url, '--token', await tokenOf('carol')]);

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['authenticates']);
    expect(stdout).toContain('AUTH_JWT_SECRET');
  });

  it('says which events delivery has lost', async () => {
    const url = await serve({}, (builder) =>
      builder.overrideProvider(CommitFeed).useClass(ForgetfulFeed).overrideProvider(DeliveryAudit).useValue({}),
    );
    const { code, stdout } = await runExample('doctor.mjs', [url, '--timeout', '1.5']);

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['routes']);
    expect(stdout).toMatch(/events that never came: \d+ \(agent_completed\)/);
    expect(outcomes(stdout)).toMatchObject({ 'cleans up': 'ok' });
  });

  it('says that strangers get in', async () => {
    const url = await serve({}, (builder) => builder.overrideProvider(ThreadsService).useClass(OpenThreads));
    const { code, stdout } = await runExample('doctor.mjs', [url]);

    expect(code).toBe(1);
    expect(having(stdout, 'FAILED')).toEqual(['isolates']);
    expect(stdout).toContain('switch_thread by a stranger is taken');
  });
});
