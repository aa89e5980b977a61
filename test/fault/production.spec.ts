import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess } from './server-process.js';

const SECRET = { AUTH_JWT_SECRET: 'a secret that is long enough for everything' };

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

function start(env: Readonly<Record<string, string>>): ServerProcess {
  const server = new ServerProcess({ dataDir, env });
  servers.push(server);
  return server;
}

const developmentSecret = (): boolean => existsSync(join(dataDir, 'dev-secret'));

function askForToken(url: string): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${url}/dev/token`, { method: 'POST', headers, body: '{"userId":"eve","roles":["admin"]}' });
}

describe('Without keys for tokens the server does not start', () => {
  it.each([
    [{ NODE_ENV: 'production' }],
    [{ NODE_ENV: 'staging' }],
    [{ NODE_ENV: 'Development' }],
    [{ NODE_ENV: 'development', HOST: '0.0.0.0' }],
    [{ NODE_ENV: '', HOST: '::' }],
  ])('%j', async (env: Readonly<Record<string, string>>) => {
    const server = start(env);

    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toContain('AUTH_JWT_SECRET');
    expect(server.output).not.toContain('Threadcast serves');
    expect(developmentSecret()).toBe(false);
  });
});

describe('With keys for tokens nothing of development is there', () => {
  it.each([
    [{ ...SECRET, NODE_ENV: 'production' }],
    [{ ...SECRET, NODE_ENV: 'development' }],
    [{ AUTH_JWKS_URL: 'http://127.0.0.1:1/keys', AUTH_AUDIENCE: 'chat', NODE_ENV: 'test' }],
  ])('%j', async (env: Readonly<Record<string, string>>) => {
    const server = start(env);
    const url = await server.ready();
    const [token, madeUp] = await Promise.all([askForToken(url), fetch(`${url}/dev/made-up`, { method: 'POST' })]);

    expect(token.status).toBe(404);
    expect(madeUp.status).toBe(404);
    expect(developmentSecret()).toBe(false);
    expect(server.output).not.toContain('/dev/token');
  });

  it('and what was made in development, on the same data, opens nothing', async () => {
    const development = start({ NODE_ENV: '' });
    const token = await (await development.ready(), development.token('alice', ['admin']));
    const ask = async (url: string): Promise<number> =>
      (await fetch(`${url}/api/threads`, { headers: { Authorization: `Bearer ${token}` } })).status;
    expect(await ask(development.url)).toBe(200);
    expect(developmentSecret()).toBe(true);
    await development.end();

    expect(await ask(await start({ ...SECRET, NODE_ENV: 'production' }).ready())).toBe(401);
  });
});
