import { inspect } from 'node:util';

import type { LoggerService } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Metrics } from '../../src/metrics/index.js';
import {
  OpenAiServer,
  TestServer,
  type ModelReply,
  type ReplyScript,
  type TestClient,
} from '../../src/testing/index.js';
import { WatchedClock } from '../support/watched-clock.js';
import { newThread } from './scripted-server.js';

const KEY = 'key-of-a-test';
let clock: WatchedClock;
let model: OpenAiServer;
let server: TestServer;
let alice: TestClient;
let threadId: string;
let logged: string[];

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  logged = [];
  const keep = (...said: unknown[]): void => void logged.push(said.map((part) => inspect(part)).join(' '));
  const logger: LoggerService = { log: keep, error: keep, warn: keep, debug: keep };
  server = await TestServer.start({ env, clock, logger });
  alice = await server.ready('alice');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
}

beforeEach(async () => {
  clock = new WatchedClock();
  model = await OpenAiServer.start();
  await start(model.env);
});

afterEach(async () => {
  await clock.during(server.close());
  await model.close();
});

async function failure(): Promise<Record<string, unknown>> {
  await alice.ask('user_message', { threadId, content: 'Hello' });
  const event = await alice.next('agent_error');
  expect(JSON.stringify([alice.frames, logged])).not.toContain(KEY);
  expect(JSON.stringify(event)).not.toMatch(/127\.0\.0\.1|node_modules/);
  return event['data'] as Record<string, unknown>;
}

const AT_ONCE = { 'retry-after': '0' };
const NEVER = { 'retry-after': '3600' };

describe('A model server that refuses', () => {
  it.each<[number, object, string, boolean]>([
    [400, { message: 'The context is too long.' }, 'refused the request: The context is too long.', false],
    [401, { message: `Incorrect API key: ${KEY}` }, 'does not accept our key', false],
    [403, { message: `No, ${KEY}` }, 'does not accept our key', false],
    [404, { message: 'not found' }, "has no model 'test-model'", false],
    [422, { message: `What is ${KEY}?` }, 'refused the request: What is [redacted]?', false],
    [429, { message: 'slow down' }, 'takes no more requests for now', true],
    [500, { message: 'secret internals' }, 'failed with status 500', true],
    [503, { message: 'overloaded' }, 'failed with status 503', true],
  ])('with %i ends the run with words for it', async (status, error, words, retryable) => {
    model.reply((reply) => reply.fail(status, error, NEVER));
    const told = await failure();
    expect(told).toMatchObject({ code: 'run_failed', message: expect.stringContaining(words), retryable });
    expect(told['message']).not.toContain('secret internals');
    expect(model.requests).toHaveLength(1);
    expect(logged.join('\n')).toContain(`status ${status}`);
  });

  it('for a moment is asked again', async () => {
    model.reply((reply) => reply.fail(429, { message: 'slow down' }, AT_ONCE));
    model.reply((reply) => reply.fail(503, { message: 'starting' }));
    model.say('Here I am.');
    await alice.ask('user_message', { threadId, content: 'Hello' });
    await clock.timer(0);
    clock.advance(0);
    await clock.timer(2_000);
    clock.advance(2_000);
    expect((await alice.next('agent_completed'))['data']).toMatchObject({ content: 'Here I am.' });
    const { metrics } = server;
    expect(await outcomes(metrics)).toEqual({ answered: 1, refused: 2, unreachable: 0, aborted: 0 });
  });

  it('three times is not asked a fourth time', async () => {
    for (let tried = 0; tried < 3; tried += 1) model.reply((reply) => reply.fail(502, 'no JSON of theirs', AT_ONCE));
    const told = failure();
    for (let pause = 0; pause < 2; pause += 1) {
      await clock.timer(0);
      clock.advance(0);
    }
    expect(await told).toMatchObject({ message: expect.stringContaining('502'), retryable: true });
    expect(model.requests).toHaveLength(3);
  });

  it('does not keep a run from being stopped in the pause', async () => {
    model.reply((reply) => reply.fail(503, { message: 'starting' }));
    const { runId } = await alice.ask('user_message', { threadId, content: 'Hello' });
    await clock.timer(500);
    await alice.ask('stop_agent', { runId });
    await alice.next('agent_cancelled');
    expect(model.requests).toHaveLength(1);
  });
});

describe('A model server that is not there', () => {
  it('is looked for three times, and then the run says so', async () => {
    const env = { ...model.env, OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` };
    await clock.during(server.close());
    await start(env);
    const told = failure();
    for (const pauseMs of [500, 2_000]) {
      await clock.timer(pauseMs);
      clock.advance(pauseMs);
    }
    expect(await told).toMatchObject({ message: 'The model server cannot be reached.', retryable: true });
    expect(await outcomes(server.metrics)).toEqual({ answered: 0, refused: 0, unreachable: 3, aborted: 0 });
  });
});

describe('A stream that is no whole answer', () => {
  it.each<[string, ReplyScript, string]>([
    [
      'cut off',
      async (reply) => {
        reply.text('Half a');
        await alice.next('agent_delta');
        reply.cut();
      },
      'broke off',
    ],
    ['ended without its end', (reply) => reply.text('Half a').end(), 'broke off'],
    ['no stream at all', (reply) => reply.raw('<html>Hello</html>').end(), 'broke off'],
    ['broken JSON', (reply) => void reply.text('Half a').raw('data: {"choices": [\n\n'), 'no part of an answer'],
    ['another JSON', (reply) => void reply.text('Half a').raw('data: {"choices": 5}\n\n'), 'no part of an answer'],
    [
      'an error in it',
      (reply) => void reply.text('Half a').raw(`data: {"error": {"message": "out of memory ${KEY}"}}\n\n`),
      'reported an error: out of memory [redacted]',
    ],
    ['endless', (reply) => flood(reply), 'does not stop talking'],
    ['withheld', (reply) => reply.text('Half a').finish('content_filter'), 'withheld the answer'],
  ])('%s: ends the run with words for it, behind what had come, and closes the request', async (_, script, words) => {
    model.reply(script);
    expect(await failure()).toMatchObject({ code: 'run_failed', message: expect.stringContaining(words) });
    await (
      await model.request(0)
    ).reply.closed;
    const types = alice.events(threadId).map(({ type }) => type);
    expect(types.at(-1)).toBe('agent_error');
    expect(model.requests).toHaveLength(1);
  });
});

describe('Without a model', () => {
  it('there is no assistant, and echo answers', async () => {
    await clock.during(server.close());
    await start({});
    const { error } = await alice.request('start_agent', { threadId, agent: 'assistant', input: 'Hello' });
    expect(error?.code).toBe('agent_not_found');
    await alice.ask('user_message', { threadId, content: 'Hello' });
    expect((await alice.next('agent_completed'))['agent']).toBe('echo');
  });
});

/** More than an answer may have, in lines that say nothing, as fast as they are taken. */
function flood(reply: ModelReply): void {
  const line = `: ${'x'.repeat(1_000_000)}\n`;
  for (let megabytes = 0; megabytes < 34; megabytes += 1) reply.raw(line);
}

/** Of a server that was there and is gone. */
async function freePort(): Promise<string> {
  const gone = await OpenAiServer.start();
  const { port } = new URL(gone.baseUrl);
  await gone.close();
  return port;
}

async function outcomes(metrics: Metrics): Promise<Record<string, number>> {
  const names = ['answered', 'refused', 'unreachable', 'aborted'];
  const counts = names.map((outcome) => metrics.value('threadcast_agents_model_requests_total', { outcome }));
  return Object.fromEntries((await Promise.all(counts)).map((count, index) => [names[index]!, count]));
}
