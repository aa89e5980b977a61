import { readFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { loadConfig } from '../../src/config/index.js';
import { DevTokenIssuer } from '../../src/identity/index.js';
import { serve } from '../../src/serve.js';
import type { RunningServer } from '../../src/startup/index.js';
import { TestClient } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { careful } from './documented-redactor.js';

const textOf = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');
const SILENT = { log: () => undefined, error: () => undefined, warn: () => undefined };

describe('The rules and the redactor of docs/redaction.md', () => {
  const dirs = new TempDirs();
  const clients: TestClient[] = [];
  let server: RunningServer;

  beforeEach(async () => {
    const config = loadConfig({ NODE_ENV: 'test', PORT: '0', DATA_DIR: await dirs.make() });
    server = await serve(config, {
      logger: SILENT,
      createApp: (adapter) => NestFactory.create<NestExpressApplication>(careful(config), adapter, { logger: SILENT }),
    });
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.drainAndClose();
    await dirs.remove();
  });

  async function ready(userId: string): Promise<TestClient> {
    const client = new TestClient(server.url, {
      auth: { token: await server.app.get(DevTokenIssuer).mint({ userId }) },
    });
    clients.push(client);
    await client.next('connection_ready');
    return client;
  }

  it('are the ones that are compiled and run here', async () => {
    const [document, code] = await Promise.all([textOf('../../docs/redaction.md'), textOf('./documented-redactor.ts')]);
    const shown = /```ts\n(import .*?)```/s.exec(document)?.[1];
    expect(shown).toBe(code.replace("'../../src/index.js'", "'threadcast'"));
  });

  it('do what they say', async () => {
    const [alice, bob] = [await ready('alice'), await ready('bob')];
    const metadata = { customerIban: 'DE02 1203', taxId: 12345, password: 'x', cookie: 'a=1', order: 4111111111111112 };
    const content = 'EMP-123456 paid with 4111 1111 1111 1111, order 4111 1111 1111 1112, token=abc';
    await alice.ask('user_message', { content, metadata });
    const said = await alice.next('message_created');
    const end = await alice.next('agent_completed');
    await bob.ask('create_thread', { title: 'of 4111-1111-1111-1111' });

    const safe = '[redacted] paid with [card], order 4111 1111 1111 1112, token=[redacted]';
    expect(said['data']).toMatchObject({
      content: safe,
      metadata: { customerIban: '[redacted]', taxId: '[redacted]', password: '[redacted]', cookie: 'a=1' },
    });
    expect(end['data']).toMatchObject({ content: safe });
  });
});
