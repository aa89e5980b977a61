import { Module } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { AssistantTool, type AgentContext } from '../../src/agents/index.js';
import type { JsonObject, JsonValue } from '../../src/protocol/index.js';
import { Gate, OpenAiServer, TestServer, checkContiguous, type TestClient } from '../../src/testing/index.js';
import { newThread } from './scripted-server.js';

class WordCount extends AssistantTool {
  override readonly name = 'count_words';
  override readonly description = 'Counts the words of a text.';
  override readonly parameters = {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
  };

  override async execute(args: JsonObject, { userId }: AgentContext): Promise<JsonValue> {
    const { text } = args;
    if (typeof text !== 'string') throw new Error('text is a string.');
    return { words: text.split(' ').length, for: userId };
  }
}

@Module({ providers: [WordCount] })
class ToolsModule {}

let model: OpenAiServer;
let server: TestServer;
let alice: TestClient;
let threadId: string;

beforeEach(async () => {
  model = await OpenAiServer.start();
  server = await TestServer.start({ env: model.env, imports: [ToolsModule] });
  alice = await server.ready('alice');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(async () => {
  await server.close();
  await model.close();
});

const say = (content: string) => alice.ask('user_message', { threadId, content });
const data = async (type: string) => (await alice.next(type))['data'] as Record<string, unknown>;
const told = (...types: string[]) =>
  alice
    .events(threadId)
    .filter((event) => types.includes(event.type))
    .map((event) => [event.type, event.data]);
const text = (): string =>
  alice
    .events(threadId)
    .map((event) => (event.type === 'agent_delta' ? (event.data as { text: string }).text : ''))
    .join('');

describe('The assistant', () => {
  it('streams the text of the model in order, and ends with the whole of it and what it cost', async () => {
    const gate = new Gate();
    const pieces = Array.from({ length: 200 }, (_, index) => `${index} `);
    model.reply(async (reply) => {
      reply.reasoning('Let me', ' think.').text('At once. ');
      await gate.opened;
      reply.text(...pieces).finish('stop', {
        prompt_tokens: 20,
        completion_tokens: 30,
        total_tokens: 50,
        completion_tokens_details: { reasoning_tokens: 4 },
        prompt_tokens_details: { cached_tokens: 16 },
      });
    });
    await say('Count, please');
    expect(await data('agent_delta')).toMatchObject({ text: 'At once. ' });
    expect(text()).toBe('At once. ');
    gate.open();

    const content = `At once. ${pieces.join('')}`;
    const usage = {
      model: 'test-model',
      ...{ inputTokens: 20, outputTokens: 30, reasoningTokens: 4, cachedInputTokens: 16 },
    };
    expect(await data('agent_completed')).toMatchObject({ content, usage });
    expect(text()).toBe(content);
    expect(told('agent_thinking')).toEqual([['agent_thinking', { text: 'Let me think.' }]]);
    checkContiguous(alice.events(threadId), 0);
    const { path, headers, body } = await model.request(0);
    expect([path, headers.authorization]).toEqual(['/v1/chat/completions', 'Bearer key-of-a-test']);
    expect(body).toMatchObject({
      model: 'test-model',
      stream: true,
      messages: [{ role: 'user', content: 'Count, please' }],
    });
  });

  it('calls a tool that a module brings, and tells the model what came of it', async () => {
    model.reply((reply) =>
      reply
        .reasoning('A tool can do that.')
        .text('Let me see.')
        .toolCall('call_7', 'count_words', { text: 'a b c' })
        .finish('tool_calls'),
    );
    model.say('Three words.');
    await say('How many words has "a b c"?');

    expect(await data('agent_completed')).toMatchObject({
      content: 'Let me see.\n\nThree words.',
      usage: { inputTokens: 14, outputTokens: 10 },
    });
    expect(text()).toBe('Let me see.\n\nThree words.');
    const call = { toolCallId: 'call_7', tool: 'count_words' };
    const result = { words: 3, for: 'alice' };
    expect(told('agent_delta', 'tool_executing', 'tool_completed').map(([type]) => type)).toEqual([
      'agent_delta',
      'tool_executing',
      'tool_completed',
      'agent_delta',
    ]);
    expect(told('tool_executing', 'tool_completed').map(([, event]) => event)).toEqual([
      { ...call, args: { text: 'a b c' } },
      { ...call, result, durationMs: expect.any(Number) },
    ]);
    expect((await model.request(0)).body.tools).toMatchObject([
      { type: 'function', function: { name: 'count_words', parameters: { required: ['text'] } } },
    ]);
    const [, said, answered] = (await model.request(1)).body.messages;
    expect(said).toMatchObject({
      role: 'assistant',
      content: 'Let me see.',
      reasoning_content: 'A tool can do that.',
      tool_calls: [{ id: 'call_7', function: { name: 'count_words', arguments: '{"text":"a b c"}' } }],
    });
    expect(answered).toEqual({ role: 'tool', tool_call_id: 'call_7', content: JSON.stringify(result) });
  });

  it('tells the model of calls that fail, and goes on', async () => {
    model.reply((reply) =>
      reply
        .toolCall('c1', 'count_words', { text: 5 }, 0)
        .toolCall('c2', 'no_such_tool', {}, 1)
        .toolCall('c3', 'count_words', '{"text":', 2)
        .finish('tool_calls'),
    );
    model.say('I could not.');
    await say('Go');

    expect(await data('agent_completed')).toMatchObject({ content: 'I could not.' });
    const completed = told('tool_completed').map(([, event]) => event as unknown as Record<string, unknown>);
    expect(completed).toMatchObject([
      { toolCallId: 'c1', error: 'text is a string.' },
      { toolCallId: 'c2', error: expect.stringContaining('no_such_tool') },
      { toolCallId: 'c3', error: expect.any(String) },
    ]);
    expect(told('tool_executing')).toHaveLength(3);
    const results = (await model.request(1)).body.messages.filter(({ role }) => role === 'tool');
    expect(results.map((result) => result['tool_call_id']).sort()).toEqual(['c1', 'c2', 'c3']);
    expect(results.every(({ content }) => content !== '')).toBe(true);
  });

  it('does not let a model call tools for ever', async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      model.reply((reply) => reply.toolCall(`c${turn}`, 'count_words', { text: 'a' }).finish('tool_calls'));
    }
    await say('Go');
    expect(await data('agent_error')).toMatchObject({ code: 'run_failed', message: expect.stringContaining('20') });
    expect(model.requests).toHaveLength(20);
  });

  it('answers a prompt without a message, and refuses what is none', async () => {
    model.say('Yes.');
    await alice.ask('start_agent', { threadId, agent: 'assistant', input: { prompt: 'Are you there?' } });
    expect(await data('agent_completed')).toMatchObject({ content: 'Yes.' });
    expect((await model.request(0)).body.messages).toEqual([{ role: 'user', content: 'Are you there?' }]);
    for (const input of [undefined, 5, ['x'], {}, { prompt: 5 }, { text: 'x' }, '', ' ']) {
      const { ok, error } = await alice.request('start_agent', { threadId, agent: 'assistant', input });
      expect([ok, error?.code]).toEqual([false, 'invalid_payload']);
    }
    expect(model.requests).toHaveLength(1);
  });
});
