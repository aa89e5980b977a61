import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Gate, OpenAiServer, TestServer, type TestClient } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';
import { WatchedClock } from '../support/watched-clock.js';
import { newThread } from './scripted-server.js';

const dirs = new TempDirs();
let clock: WatchedClock;
let dataDir: string;
let model: OpenAiServer;
let server: TestServer;
let alice: TestClient;
let threadId: string;

async function start(): Promise<void> {
  server = await TestServer.start({ env: { ...model.env, RUN_STALL_MS: '5000' }, dataDir, clock });
  alice = await server.ready('alice');
}

beforeEach(async () => {
  clock = new WatchedClock();
  dataDir = await dirs.make();
  model = await OpenAiServer.start();
  await start();
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
});

afterEach(async () => {
  await clock.during(server.close());
  await model.close();
  await dirs.remove();
});

const say = (content: string, more: object = {}) => alice.ask('user_message', { threadId, content, ...more });
const end = async (type: string, runId: unknown) =>
  (await alice.next(type, (event) => event['runId'] === runId))['data'] as Record<string, unknown>;
const sent = async (index: number) => (await model.request(index)).body.messages;

describe('What the model is told', () => {
  it('is the conversation so far, after a restart too', async () => {
    model.say('I am ', 'fine.');
    await end('agent_completed', (await say('How are you?'))['runId']);
    model.say('Good.');
    await end('agent_completed', (await say('And now?'))['runId']);
    await clock.during(server.stop());
    await start();
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    model.say('Better.');
    await end('agent_completed', (await say('And today?'))['runId']);

    const conversation = [
      { role: 'user', content: 'How are you?' },
      { role: 'assistant', content: 'I am fine.' },
      { role: 'user', content: 'And now?' },
      { role: 'assistant', content: 'Good.' },
      { role: 'user', content: 'And today?' },
    ];
    expect(await sent(1)).toEqual(conversation.slice(0, 3));
    expect(await sent(2)).toEqual(conversation);
  });

  it('has each answer behind its own question, and nothing that still waits', async () => {
    const gate = new Gate();
    model.reply(async (reply) => {
      await gate.opened;
      reply.text('one').finish();
    });
    model.say('two');
    model.say('three');
    const answers = [await say('1?'), await say('2?'), await say('3?')];
    gate.open();
    for (const { runId } of answers) await end('agent_completed', runId);

    expect(await sent(1)).toEqual([
      { role: 'user', content: '1?' },
      { role: 'assistant', content: 'one' },
      { role: 'user', content: '2?' },
    ]);
    expect(await sent(2)).toHaveLength(5);
  });

  it('has of an answer that was stopped what was seen of it', async () => {
    model.reply((reply) => void reply.text('Once upon'));
    const { runId } = await say('A tale');
    await alice.next('agent_delta');
    await alice.ask('stop_agent', { runId });
    await end('agent_cancelled', runId);
    model.say('a time');
    await end('agent_completed', (await say('Go on'))['runId']);

    expect(await sent(1)).toEqual([
      { role: 'user', content: 'A tale' },
      { role: 'assistant', content: 'Once upon' },
      { role: 'user', content: 'Go on' },
    ]);
  });
});

describe('A run that ends before its model does', () => {
  it('closes the request when it is stopped in the middle of the answer', async () => {
    model.reply((reply) => void reply.text('Once upon'));
    const { runId } = await say('A tale');
    await alice.next('agent_delta');
    await alice.ask('stop_agent', { runId, reason: 'enough' });
    expect(await end('agent_cancelled', runId)).toEqual({ reason: 'enough' });
    const { reply } = await model.request(0);
    await reply.closed;
    expect(reply.complete).toBe(false);
  });

  it('closes the request when it is stopped before there is an answer', async () => {
    model.reply(() => undefined);
    const { runId } = await say('A tale');
    const { reply } = await model.request(0);
    await alice.ask('stop_agent', { runId });
    await end('agent_cancelled', runId);
    await reply.closed;
  });

  it('closes the request when the next message interrupts it, and that one is answered', async () => {
    model.reply((reply) => void reply.text('Once upon'));
    const first = await say('A tale');
    await alice.next('agent_delta');
    model.say('Yes.');
    const second = await say('Stop that', { policy: 'interrupt' });
    await end('agent_cancelled', first['runId']);
    expect(await end('agent_completed', second['runId'])).toMatchObject({ content: 'Yes.' });
    await (
      await model.request(0)
    ).reply.closed;
  });

  it('has stalled when the model goes silent', async () => {
    model.reply((reply) => void reply.text('Once upon'));
    const { runId } = await say('A tale');
    await alice.next('agent_delta');
    clock.advance(5_000);
    expect(await end('agent_error', runId)).toMatchObject({ code: 'run_stalled', retryable: true });
    await (
      await model.request(0)
    ).reply.closed;
  });

  it('closes the request when the server does', async () => {
    model.reply((reply) => void reply.text('Once upon'));
    await say('A tale');
    await alice.next('agent_delta');
    const { reply } = await model.request(0);
    await clock.during(server.stop());
    await reply.closed;
  });
});
