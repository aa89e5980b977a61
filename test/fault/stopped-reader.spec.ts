import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Observer } from '../model/observer.js';
import { TempDirs } from '../support/temp-dir.js';
import type { Flood } from './flood-server.js';

const FLOOD: Flood = { perSecond: 3_000, seconds: 30 };
const MOST_GROWTH_BYTES = 32 * 1_024 * 1_024;

interface Memory {
  readonly heapUsed: number;
  readonly external: number;
}

/** The server in a process of its own, so that its memory is its own. */
class FloodServer {
  readonly #process: ChildProcess;
  url = '';

  constructor(dataDir: string) {
    const loader = new URL('../support/ts-loader.mjs', import.meta.url).href;
    const script = fileURLToPath(new URL('./flood-server.ts', import.meta.url));
    this.#process = spawn(process.execPath, ['--expose-gc', '--import', loader, script], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'error' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async ready(): Promise<void> {
    const [{ url }] = (await once(this.#process, 'message')) as [{ url: string }];
    this.url = url;
  }

  /** What is in use after a collection, in bytes. */
  async memory(): Promise<number> {
    this.#process.send('memory');
    const [{ heapUsed, external }] = (await once(this.#process, 'message')) as [Memory];
    return heapUsed + external;
  }

  async connect(name: string): Promise<Observer> {
    const response = await fetch(`${this.url}/dev/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId: 'alice' }),
    });
    const { token } = (await response.json()) as { token: string };
    const observer = new Observer(this.url, name, { token });
    await observer.ready;
    return observer;
  }

  async close(): Promise<void> {
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await closed;
  }
}

describe('A reader that has stopped reading for thirty seconds, under thousands of events a second', () => {
  const dirs = new TempDirs();
  let server: FloodServer;

  beforeEach(async () => {
    server = new FloodServer(await dirs.make());
    await server.ready();
  });

  afterEach(async () => {
    await server.close();
    await dirs.remove();
  });

  it('costs the process less than 32 MB, the other reader nothing, and gets everything in the end', async () => {
    const healthy = await server.connect('healthy');
    const stopped = await server.connect('stopped');
    const threadId = await healthy.create();
    await healthy.subscribe(threadId, 0);
    await stopped.subscribe(threadId, 0);
    const before = await server.memory();
    stopped.stopReading();
    await healthy.start(threadId, 'flood', FLOOD);

    let most = 0;
    while (!healthy.hasSeen('agent_completed')) {
      most = Math.max(most, (await server.memory()) - before);
      await healthy.fence();
    }
    const stoppedAt = stopped.seen.length;
    stopped.readOn();
    while (!stopped.hasSeen('agent_completed') && stopped.connected) await stopped.fence();

    const head = FLOOD.perSecond * FLOOD.seconds + 2;
    process.stdout.write(
      `stopped reader: ${head} events of 1 KB in ${FLOOD.seconds} s, of which it had read ${stoppedAt}; ` +
        `memory grew by ${(most / 1_048_576).toFixed(1)} MB at most\n`,
    );
    expect(most).toBeLessThan(MOST_GROWTH_BYTES);
    expect(stoppedAt).toBeLessThan(head / 2);
    for (const { faults, seen } of [healthy, stopped]) {
      expect(faults).toEqual([]);
      expect(seen.at(-1)).toMatchObject({ seq: head, type: 'agent_completed' });
    }
    healthy.drop();
    stopped.drop();
  }, 400_000);
});
