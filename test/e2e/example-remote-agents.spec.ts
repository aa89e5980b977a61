import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { checkContiguous, deltaText } from '../../src/testing/index.js';
import { REMOTE_AGENTS, RemoteAgent, pythonIsHere, type EndedAgent } from '../support/remote-agents.js';
import { Wire } from './example-process.js';
import { ExternalScene } from './external-runs-kit.js';

const { end } = ExternalScene;

let scene: ExternalScene;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  scene = await ExternalScene.open();
});

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  await scene.close();
});

describe('The examples of agents in other processes', () => {
  it('are tried in Python too, where there is one', () => {
    if (pythonIsHere) return;
    // In continuous integration nothing is left out; a laptop without Python can still run the tests.
    expect(process.env['CI']).not.toBe('true');
    console.warn('There is no python3 here: examples/remote_agent.py was not tried.');
  });
});

describe.each(REMOTE_AGENTS)('examples/%s', (name) => {
  function start(args: readonly string[], url = scene.server.url): RemoteAgent {
    const agent = new RemoteAgent(name, [url, '--delay', '0', ...args]);
    opened.push({ close: () => agent.kill() });
    return agent;
  }

  const run = (args: readonly string[]): Promise<EndedAgent> => start(['--thread', scene.threadId, ...args]).ended();

  const texts = (): string => deltaText(scene.alice.events(scene.threadId));

  it('registers a run, says its text and ends the run', async () => {
    const text = 'one two  three\nfour five';
    const { code, stdout, stderr } = await run(['--text', text, '--batch', '2', '--agent', 'crew']);
    const { seq, runId, data } = await scene.alice.next('agent_completed');

    expect({ code, stdout, stderr }).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: `run ${String(runId)}\ncompleted at ${String(seq)}\n`,
    });
    expect(data).toMatchObject({ content: text });
    expect(texts()).toBe(text);
    const told = scene.alice.events(scene.threadId);
    expect(told.map(({ type }) => type)).toEqual([
      'agent_started',
      ...Array.from({ length: 5 }, () => 'agent_delta'),
      'agent_completed',
    ]);
    expect(told.every((event) => event.agent === 'crew' && event.runId === runId)).toBe(true);
    checkContiguous(told);
  });

  it('asks, and says the answer', async () => {
    const agent = start(['--thread', scene.threadId, '--ask', 'What shall I say?']);
    const { runId, data } = await scene.alice.next('input_requested');
    const { requestId, prompt } = data as { requestId: string; prompt: string };
    expect(prompt).toBe('What shall I say?');
    await scene.alice.ask('provide_input', { runId, requestId, value: 'this and that' });

    expect(await agent.ended()).toMatchObject({ code: 0, stderr: '' });
    await scene.alice.next('agent_completed');
    expect(texts()).toBe('this and that');
  });

  it('says everything once when answers to it are lost', async () => {
    const text = Array.from({ length: 40 }, (_, n) => `word${n} `).join('');
    let answers = 0;
    // Of each answer the first time, whatever it was to: the token, the registration, the words and the end.
    const wire = new Wire(scene.server.url, (said) => said.startsWith('HTTP/1.1 2') && (answers += 1) % 2 === 1);
    opened.push(wire);
    const agent = start(['--thread', scene.threadId, '--text', text, '--batch', '4'], await wire.listen());

    expect(await agent.ended()).toMatchObject({ code: 0, stderr: '' });
    expect(answers).toBeGreaterThan(20);
    await scene.alice.next('agent_completed');
    expect(texts()).toBe(text);
    expect((await scene.owner.get(`/api/threads/${scene.threadId}`)).body).toMatchObject({ activeRuns: 0 });
    checkContiguous(scene.alice.events(scene.threadId));
  });

  it('takes up a run that somebody has registered, when its turn has come', async () => {
    const before = await scene.registered();
    const runId = await scene.registered({ policy: 'queue' });
    const agent = start(['--thread', scene.threadId, '--run', runId, '--text', 'mine']);
    await scene.producer.post(`/api/runs/${before}/events`, { events: [end('first')] });

    expect(await agent.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining(runId) });
    expect(await scene.types(runId)).toEqual(['agent_started', 'agent_delta', 'agent_completed']);
  });

  it('says nothing more when somebody stops it', async () => {
    const text = 'word '.repeat(10_000);
    const agent = start(['--thread', scene.threadId, '--text', text, '--batch', '1']);
    const { runId } = await scene.alice.next('agent_delta');
    expect(await scene.alice.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });

    expect(await agent.ended()).toMatchObject({ code: 0, stderr: expect.stringContaining('run_ended') });
    await scene.alice.next('agent_cancelled');
    await scene.alice.fence();
    expect(scene.alice.events(scene.threadId).at(-1)).toMatchObject({ type: 'agent_cancelled' });
  });

  it('tells of a fault of its own', async () => {
    const { code, stderr } = await run(['--batch', '0']);

    expect(code).toBe(1);
    expect(await scene.alice.next('agent_error')).toMatchObject({ data: { code: 'run_failed' } });
    expect(stderr).toContain('at least one word');
  });

  it('says what is wrong: no such thread, no server, no producer', async () => {
    const { code, stderr } = await start(['--thread', 'thread_none']).ended();
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('thread_not_found') });
    const token = await scene.server.token('alice');
    expect(await run(['--token', token])).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') });
    const nowhere = start(['--thread', scene.threadId, '--patience', '0'], 'http://127.0.0.1:1');
    expect(await nowhere.ended()).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be reached') });
  });

  it('explains itself', async () => {
    const { code, stdout } = await start(['--help']).ended();

    expect(code).toBe(0);
    for (const option of ['--thread', '--run', '--ask', '--token']) expect(stdout).toContain(option);
  });
});
