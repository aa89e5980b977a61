import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess, type ProcessOptions } from './server-process.js';

const REFUSED = { code: 1, signal: null };

describe('A start that must not succeed', () => {
  const dirs = new TempDirs();
  const servers: ServerProcess[] = [];
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await dirs.make();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.end();
    await dirs.remove();
  });

  function start(options: Omit<ProcessOptions, 'dataDir'> = {}): ServerProcess {
    const server = new ServerProcess({ dataDir, ...options });
    servers.push(server);
    return server;
  }

  /** What it said when it had ended with 1. */
  async function refusal(options: Omit<ProcessOptions, 'dataDir'> = {}): Promise<string> {
    const server = start(options);
    expect(await server.exit()).toEqual(REFUSED);
    expect(server.output).not.toContain('Threadcast serves');
    expect(server.output).not.toMatch(/^\s+at /m);
    return server.output;
  }

  it('is refused on the data of another process, until that one is gone, however it went', async () => {
    const first = start();
    await first.ready();
    expect(await refusal()).toContain(`The data directory ${dataDir} is in use by another Threadcast.`);
    expect((await fetch(`${first.url}/health/ready`)).status).toBe(200);
    first.kill('SIGKILL');
    await first.exit();
    await start().ready();
  });

  it('names every bad variable at once, its fault and what is accepted', async () => {
    const env = { PORT: '70000', LOG_LEVEL: 'loud', RUN_TIMEOUT_MS: 'soon', MAX_RUNS: '-1', CORS_ORIGINS: 'nowhere' };
    const words = await refusal({ env });
    for (const [variable, value] of Object.entries(env)) {
      expect(words).toMatch(new RegExp(`${variable}[^\\n]*${value}`));
    }
  });

  it('wants to know how tokens are checked in production, and says why', async () => {
    const words = await refusal({ env: { NODE_ENV: 'production' } });
    expect(words).toMatch(/AUTH_JWT_SECRET.*is not set, nor is AUTH_JWKS_URL, so no token can be checked/);
    const server = start({ env: { NODE_ENV: 'production', HOST: '127.0.0.1', AUTH_JWT_SECRET: 's'.repeat(32) } });
    await server.ready();
    expect((await fetch(`${server.url}/dev/token`, { method: 'POST' })).status).toBe(404);
  });

  it('ends with the reason of the startup task that failed', async () => {
    writeFileSync(join(dataDir, 'threadcast.sqlite'), 'this is no database '.repeat(500));
    expect(await refusal()).toMatch(
      /Startup task 'storage' failed: The database .* cannot be opened: .*not a database/,
    );
  });

  it('ends when starting takes too long, and names what was waited for', async () => {
    const words = await refusal({
      env: { STARTUP_TIMEOUT_MS: '300' },
      faults: [{ do: 'hold the start', hold: true }],
    });
    expect(words).toContain("Startup task 'storage' had not finished when the 300 ms for starting were over.");
  });
});
