import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { commandOf, lastOf, readDockerfile } from '../architecture/container-files.js';

/** What the Dockerfile says, run as Docker would. */
async function health(port: number): Promise<number> {
  const [command = '', ...args] = commandOf(lastOf(await readDockerfile(), 'HEALTHCHECK'));
  const child = spawn(command, args, { env: { PATH: process.env.PATH, PORT: String(port) } });
  const [code] = (await once(child, 'close')) as [number];
  return code;
}

describe('The health check of the container', () => {
  const opened: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
  });

  it('is well while the server serves', async () => {
    const server = await TestServer.start();
    opened.push(() => server.close());
    expect(await health(Number(new URL(server.url).port))).toBe(0);
  });

  it('is not while it is answered 503, or by nobody', async () => {
    const busy = createServer((_, response) => response.writeHead(503).end('{"status":"starting"}'));
    busy.listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    expect(await health(port)).toBe(1);
    busy.close();
    await once(busy, 'close');
    expect(await health(port)).toBe(1);
  });
});
