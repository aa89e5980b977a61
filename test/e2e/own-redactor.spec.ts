import { inspect } from 'node:util';

import { afterEach, describe, expect, it } from '@jest/globals';

import { Redactor } from '../../src/threads/index.js';
import type { Replacements } from '../../src/app.module.js';
import type { TestClient } from '../../src/testing/index.js';
import { ScriptedServer, newThread } from './scripted-server.js';

const CONTENT = 'hunter2 is what nobody may read';

/** Puts what it is given out of sight, and fails on what a test says. */
class StarsRedactor extends Redactor {
  static failing = false;

  override redact<T>(value: T): T {
    const stars = (_key: string, part: unknown): unknown => (typeof part === 'string' ? this.redactText(part) : part);
    return JSON.parse(JSON.stringify(value, stars)) as T;
  }

  override redactText(text: string): string {
    if (StarsRedactor.failing) throw new Error(`cannot read: ${text}`);
    return text.replaceAll('hunter2', '*******');
  }
}

let scripted: ScriptedServer;
let lines: string[];
let alice: TestClient;
let bob: TestClient;
let threadId: string;

async function start(replacements: Replacements): Promise<void> {
  StarsRedactor.failing = false;
  lines = [];
  const keep = (...line: unknown[]): void => {
    lines.push(inspect(line, { depth: 6 }));
  };
  const logger = { log: keep, error: keep, warn: keep, debug: keep, verbose: keep };
  scripted = await ScriptedServer.start({ replacements, logger });
  alice = await scripted.server.ready('alice');
  bob = await scripted.server.ready('bob');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId, after: 0 });
}

async function head(): Promise<unknown> {
  return (await alice.ask('get_thread_history', { threadId }))['head'];
}

afterEach(() => scripted.close());

describe('Rules of redaction beside the built-in ones', () => {
  it('are given to the application, and used for all that is stored', async () => {
    await start({ redaction: { names: ['iban'], patterns: [/EMP-\d+/], off: ['url'] } });
    const metadata = { customerIban: 'DE02', password: 'x', url: 'https://u:p@h/' };
    await alice.ask('user_message', { threadId, content: 'EMP-42 asks', metadata });

    expect((await alice.next('message_created'))['data']).toMatchObject({
      content: '[redacted] asks',
      metadata: { customerIban: '[redacted]', password: '[redacted]', url: 'https://u:p@h/' },
    });
    expect((await bob.ask('create_thread', { title: 'of EMP-7' })).ok).toBe(true);
  });

  it('end the start in words where they cannot be used', async () => {
    await start({});
    const rules = { names: ['42'], limits: { maxDepth: 0 } };
    await expect(ScriptedServer.start({ replacements: { redaction: rules } })).rejects.toThrow(
      'The rules of redaction cannot be used: names[0] has no letters: names are read in words; ' +
        'limits.maxDepth must be a whole number from 1 to 256.',
    );
  });
});

describe('A redactor of one’s own', () => {
  it('takes the place of the rules', async () => {
    await start({ redactor: StarsRedactor });
    await alice.ask('user_message', { threadId, content: CONTENT, metadata: { password: 'x', of: ['hunter2'] } });
    const end = await alice.next('agent_completed');
    const created = await alice.ask('create_thread', { title: 'hunter2', metadata: { of: 'hunter2' } });
    const thread = await scripted.server.fetch('alice', `/api/threads/${String(created['threadId'])}`);

    expect((await alice.next('message_created'))['data']).toMatchObject({
      content: '******* is what nobody may read',
      metadata: { password: 'x', of: ['*******'] },
    });
    expect(end['data']).toMatchObject({ content: '******* is what nobody may read' });
    expect(await thread.json()).toMatchObject({ title: '*******', metadata: { of: '*******' } });
  });

  it('must be a class that extends the port', async () => {
    await start({});
    class Nothing {}
    const started = ScriptedServer.start({ replacements: { redactor: Nothing as unknown as typeof StarsRedactor } });
    await expect(started).rejects.toThrow('The redactor must be a class that extends Redactor.');
  });
});

describe('A redactor that fails', () => {
  afterEach(async () => {
    expect(lines.join('\n')).toContain('StarsRedactor failed: it threw Error');
    expect(lines.join('\n')).not.toContain('hunter2');
    const events = JSON.stringify(alice.frames.filter(({ data }) => data['seq'] !== undefined));
    expect(events).not.toContain('hunter2');
    const failures = await scripted.server.metrics.value('threadcast_threads_redaction_failures_total', {});
    expect(failures).toBeGreaterThan(0);
  });

  it('lets nothing be stored: requests are refused, and have changed nothing', async () => {
    await start({ redactor: StarsRedactor });
    StarsRedactor.failing = true;
    const refusal = {
      ok: false,
      error: {
        code: 'internal',
        message: 'The content could not be searched for secrets; nothing of it was stored.',
        details: { errorId: expect.stringMatching(/^err_/) },
      },
    };
    expect(await alice.request('user_message', { threadId, content: CONTENT, messageId: 'm' })).toMatchObject(refusal);
    expect(await alice.request('start_agent', { threadId, agent: 'echo', input: CONTENT })).toMatchObject(refusal);
    expect(await alice.request('create_thread', { threadId: 'thread_refused', title: CONTENT })).toMatchObject(refusal);
    const body = JSON.stringify({ title: CONTENT });
    const patched = await scripted.server.fetch('alice', `/api/threads/${threadId}`, { method: 'PATCH', body });
    expect(await patched.json()).toMatchObject({ status: 500, detail: refusal.error.message });
    expect(await head()).toBe(0);
    StarsRedactor.failing = false;

    expect(await alice.ask('create_thread', { threadId: 'thread_refused' })).toMatchObject({ duplicate: false });
    expect(await alice.ask('user_message', { threadId, content: 'again', messageId: 'm' })).toMatchObject({
      ...{ seq: 1, duplicate: false },
    });
    await alice.next('agent_completed');
  });

  it('ends the run that it fails on, without its words', async () => {
    await start({ redactor: StarsRedactor });
    const { runId } = await scripted.run(
      alice,
      async (context) => {
        await context.write('good day');
        StarsRedactor.failing = true;
        await context.emit('progress_update', { message: CONTENT });
      },
      { threadId },
    );
    const end = await alice.next('agent_error');
    StarsRedactor.failing = false;

    expect(end['data']).toMatchObject({ code: 'run_failed' });
    expect(await alice.ask('stop_agent', { runId })).toMatchObject({ status: 'failed' });
    expect(alice.events(threadId).map(({ type }) => type)).toEqual(['agent_started', 'agent_delta', 'agent_error']);
  });

  it('does not let what cannot be told count as completed', async () => {
    await start({ redactor: StarsRedactor });
    await scripted.run(
      alice,
      () => {
        StarsRedactor.failing = true;
        return Promise.resolve({ content: CONTENT });
      },
      { threadId },
    );
    const message = 'The content could not be searched for secrets; nothing of it was stored.';

    expect((await alice.next('agent_error'))['data']).toMatchObject({ code: 'run_failed', message });
  });

  it('keeps no run from being stopped', async () => {
    await start({ redactor: StarsRedactor });
    const { runId } = await scripted.run(
      alice,
      ({ signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      { threadId },
    );
    await alice.next('agent_started');
    StarsRedactor.failing = true;
    expect(await alice.ask('stop_agent', { runId, reason: CONTENT })).toMatchObject({ status: 'cancelled' });

    expect((await alice.next('agent_cancelled'))['data']).toEqual({
      reason: 'Its words could not be searched for secrets and were withheld.',
    });
  });

  it('keeps no run of another process from being stopped either', async () => {
    await start({ redactor: StarsRedactor });
    const body = JSON.stringify({ external: true, agent: 'remote', input: CONTENT });
    const run = await scripted.server.fetch('alice', `/api/threads/${threadId}/runs`, { method: 'POST', body });
    const { runId } = (await run.json()) as { runId: string };
    StarsRedactor.failing = true;
    expect(await alice.ask('stop_agent', { runId })).toMatchObject({ status: 'cancelled' });

    await alice.next('agent_cancelled');
    expect((await alice.next('agent_started'))['data']).toEqual({});
  });
});
