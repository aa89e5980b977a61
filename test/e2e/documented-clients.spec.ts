import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { ROOT, codeUnder } from './documented-code.js';

const LOADER = `${ROOT}/test/support/ts-loader.mjs`;
const CLIENT = pathToFileURL(`${ROOT}/src/client/index.ts`).href;

/** Runs a module as if it lay at the top of the repository; its output, once it has ended by itself. */
async function output(code: string): Promise<string> {
  const module = code.replaceAll("'threadcast/client'", `'${CLIENT}'`);
  const child = spawn(process.execPath, ['--import', LOADER, '--input-type=module', '--eval', module], { cwd: ROOT });
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

  it('client: has a first conversation', async () => {
    const code = await codeUnder('docs/client.md', 'A first conversation');
    const said = await output(code.replace('http://localhost:3000', server.url));

    expect(said).toMatch(/^\d+ Hello there$/m);
  });

  it('client: draws a thread', async () => {
    const alice = await server.ready('alice');
    const { threadId } = await alice.ask('user_message', { content: 'one two three' });
    const show = await codeUnder('docs/client.md', 'Drawing a thread');
    const said = await output(`${show}
      const client = show('${server.url}', '${await server.token('alice')}', '${String(threadId)}', (lines) => {
        if (!lines.includes('agent: one two three')) return;
        console.log(lines.join('\\n'));
        void client.close();
      });
    `);

    expect(said.split('\n')).toEqual([
      'user: one two three',
      'agent: one two three',
      'tool count_words: completed',
      '',
    ]);
  });
});
