import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The first block of JavaScript under this heading of a document. */
async function codeUnder(path: string, heading: string): Promise<string> {
  const document = await readFile(`${ROOT}/${path}`, 'utf8');
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return /```js\n(.*?)```/s.exec(section)?.[1] ?? '';
}

/** Runs a module as if it lay at the top of the repository; its output, once it has ended by itself. */
async function output(code: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

describe('The clients in the documents', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it('README: sends a message, and shows its answer', async () => {
    const code = await codeUnder('README.md', 'A first client');
    const said = await output(code.replace('http://localhost:3000', server.url));

    expect(said).toMatch(/ok: true/);
    expect(said).toMatch(/duplicate: false/);
    expect(said).toMatch(/^\d+ Hello there$/m);
  });

  it('protocol: follows a thread from a cursor', async () => {
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('user_message', { content: 'one two three' });
    await alice.next('agent_completed');
    const { epoch } = await alice.ask('get_thread_history', { threadId });
    const follow = await codeUnder('docs/protocol.md', 'Resuming');
    const said = await output(`${follow}
      const cursor = { threadId: '${String(threadId)}', seq: 2, epoch: '${String(epoch)}' };
      const socket = follow('${server.url}', '${await server.token('alice')}', cursor, ({ from, seq, type }) => {
        console.log(from ?? seq, type);
        if (type === 'agent_completed') socket.close();
      });
    `);

    expect(said.split('\n')).toEqual([
      '3 agent_thinking',
      '4 tool_executing',
      '5 tool_completed',
      '6 agent_delta',
      '7 agent_completed',
      '',
    ]);
  });
});
