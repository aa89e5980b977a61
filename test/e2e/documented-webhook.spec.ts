import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { afterEach, describe, expect, it } from '@jest/globals';

import { TestServer, WebhookReceiver } from '../../src/testing/index.js';
import { say, settled } from './away-kit.js';
import { ROOT, codeUnder } from './documented-code.js';

const SECRET = 'what both of them know';

describe('The receiver in docs/webhooks.md', () => {
  let child: ChildProcess;
  let server: TestServer;
  let genuine: WebhookReceiver;

  afterEach(async () => {
    await server.close();
    await genuine.close();
    const closed = once(child, 'close');
    child.kill();
    await closed;
  });

  it('takes what is signed once, and nothing that is forged, changed or old', async () => {
    const code = (await codeUnder('docs/webhooks.md', 'Checking the signature')).replace('8080', '0');
    child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], OFFLINE_WEBHOOK_SECRET: SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (line) => said.push(line));
    const [first] = (await once(lines, 'line')) as [string];
    const url = `http://127.0.0.1:${/\d+$/.exec(first)?.[0]}`;

    server = await TestServer.start({ env: { OFFLINE_WEBHOOK_URL: url, OFFLINE_WEBHOOK_SECRET: SECRET } });
    const alice = await server.fetch('alice', '/api/threads', { method: 'POST', body: '{}' });
    const { threadId } = (await alice.json()) as { threadId: string };
    await say(server, 'alice', threadId);
    await settled(server, 'notified');

    // The same as another receiver gets it, to be sent once more, as it is and otherwise.
    genuine = await WebhookReceiver.start();
    const post = (body: string, signature: string): Promise<number> =>
      fetch(url, { method: 'POST', body, headers: { 'Threadcast-Signature': signature } }).then(({ status }) => status);
    await server.close();
    server = await TestServer.start({ env: { OFFLINE_WEBHOOK_URL: genuine.url, OFFLINE_WEBHOOK_SECRET: SECRET } });
    const bob = await server.fetch('bob', '/api/threads', { method: 'POST', body: '{}' });
    await say(server, 'bob', ((await bob.json()) as { threadId: string }).threadId);
    const { text, headers } = await genuine.delivery(0);
    const signature = String(headers['threadcast-signature']);
    expect(await post(text, signature)).toBe(204);
    expect(await post(text, signature)).toBe(204);
    expect(await post(text.replace('bob', 'eve'), signature)).toBe(401);
    expect(await post(text, signature.replace(/t=\d/, 't=2'))).toBe(401);
    expect(await post(text, signature.replace(/^t=\d+/, 't=1'))).toBe(401);
    expect(await post(text, '')).toBe(401);

    expect(said.slice(1)).toEqual([
      `alice is away: agent_completed in ${threadId}`,
      expect.stringMatching(/^bob is away: agent_completed in thread_/),
    ]);
  });
});
