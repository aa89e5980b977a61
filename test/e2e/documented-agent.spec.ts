import { readFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { OpenAiServer, TestServer, type TestClient } from '../../src/testing/index.js';
import { ShopModule } from './documented-agent.js';
import { newThread } from './scripted-server.js';

const textOf = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');

describe('The agent and the tool of docs/agents.md', () => {
  let model: OpenAiServer;
  let server: TestServer;
  let alice: TestClient;
  let threadId: string;

  beforeEach(async () => {
    model = await OpenAiServer.start();
    server = await TestServer.start({ env: model.env, imports: [ShopModule] });
    alice = await server.ready('alice');
    threadId = await newThread(alice);
    await alice.ask('subscribe_thread', { threadId, after: 0 });
  });

  afterEach(async () => {
    await server.close();
    await model.close();
  });

  it('are the ones that are compiled and run here', async () => {
    const [document, code] = await Promise.all([textOf('../../docs/agents.md'), textOf('./documented-agent.ts')]);
    const shown = /```ts\n(import .*?)```/s.exec(document)?.[1];
    expect(shown).toBe(code.replace("'../../src/index.js'", "'threadcast'"));
  });

  it('do what they say', async () => {
    const { runId } = await alice.ask('user_message', { threadId, content: 'tea', agent: 'shop' });
    const { requestId } = (await alice.next('input_requested'))['data'] as Record<string, unknown>;
    await alice.ask('provide_input', { runId, requestId, value: 2 });
    expect((await alice.next('agent_completed'))['data']).toMatchObject({ content: 'We have 12 of tea. You get 2.' });

    await alice.ask('user_message', { threadId, content: 'cake', agent: 'shop' });
    const data = { code: 'run_failed', message: "There is no article 'cake'.", retryable: false };
    expect((await alice.next('agent_error'))['data']).toEqual(data);

    const { error } = await alice.request('start_agent', { threadId, agent: 'shop', input: 5 });
    expect(error?.message).toBe('The input of shop is the name of an article.');

    model.reply((reply) => reply.toolCall('c', 'stock', { article: 'coffee' }).finish('tool_calls'));
    model.say('There is no coffee.');
    await alice.ask('user_message', { threadId, content: 'Is there coffee?' });
    await alice.next('agent_completed', ({ agent }) => agent === 'assistant');
    expect((await model.request(1)).body.messages.at(-1)).toMatchObject({ role: 'tool', content: '{"pieces":0}' });
  });
});
