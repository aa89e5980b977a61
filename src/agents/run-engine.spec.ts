import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SqliteStorage } from '../storage/sqlite/sqlite-storage.js';
import { ThreadcastError } from '../errors/index.js';
import { Storage, type StoredEvent } from '../storage/index.js';
import { ThreadsService } from '../threads/index.js';
import { Gate, RunsBench } from '../testing/runs-bench.js';

let bench: RunsBench;

beforeEach(async () => {
  bench = await RunsBench.open({ storage: (dataDir) => new FailingStorage({ dataDir }) });
});

afterEach(() => bench.close());

/** Takes nothing while it is down. */
class FailingStorage extends SqliteStorage {
  down = false;

  override transact<T>(...args: Parameters<SqliteStorage['transact']>): Promise<T> {
    if (this.down) return Promise.reject(new ThreadcastError('storage_unavailable'));
    return super.transact(...args) as Promise<T>;
  }
}

function storage(): FailingStorage {
  return bench.app.get(Storage);
}

const data = (event: StoredEvent): unknown => JSON.parse(event.data);

describe('A run', () => {
  it('keeps its events in the order of the calls, awaited or not, and ends behind them', async () => {
    const { run } = await bench.do(async (context) => {
      void context.write('one ');
      void context.emit('progress_update', { message: 'half', percent: 50 });
      void context.write('two');
      void context.emit('custom', { name: 'note', value: [1] });
      return { content: 'one two', usage: { words: 2 } };
    });
    const end = await bench.ended(run.runId);

    expect(await bench.types(run)).toEqual([
      'agent_started',
      'agent_delta',
      'progress_update',
      'agent_delta',
      'custom',
      'agent_completed',
    ]);
    expect(data(end)).toMatchObject({ content: 'one two', usage: { words: 2 }, durationMs: 0 });
    expect(await bench.record(run.runId)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('that is stopped has one end, and nothing after it', async () => {
    const stopped = new Gate();
    const late: unknown[] = [];
    const finished = new Gate();
    const { run } = await bench.do(async (context) => {
      await context.write('before');
      await stopped.opened;
      late.push(context.signal.aborted);
      await context.write('after').catch((error: unknown) => late.push(error));
      finished.open();
      return { content: 'ignored' };
    });
    await bench.told(run.runId, 'agent_delta');
    expect(await bench.engine.stop('ada', run.runId)).toEqual({ runId: run.runId, status: 'cancelled' });
    stopped.open();
    await finished.opened;
    await bench.fence();

    expect(await bench.types(run)).toEqual(['agent_started', 'agent_delta', 'agent_cancelled']);
    expect(late).toEqual([true, expect.objectContaining({ code: 'run_ended' })]);
    expect(data(await bench.ended(run.runId))).toEqual({ reason: 'stopped' });
    expect(await bench.engine.stop('ada', run.runId)).toEqual({ runId: run.runId, status: 'cancelled' });
  });

  it('that is stopped by two at once has one end', async () => {
    const { run } = await bench.start({ input: { text: 'a', stallAfter: 0 } });
    await bench.told(run.runId, 'agent_started');
    const answers = await Promise.all([
      bench.engine.stop('ada', run.runId, 'password=hunter2'),
      bench.engine.stop('ada', run.runId),
    ]);

    expect(answers.map((answer) => answer.status)).toEqual(['cancelled', 'cancelled']);
    expect((await bench.types(run)).filter((type) => type === 'agent_cancelled')).toHaveLength(1);
    expect((await bench.ended(run.runId)).data).not.toContain('hunter2');
  });

  it('cannot be stopped or answered by who may not read its thread', async () => {
    const { run } = await bench.start({ input: { text: 'a', ask: 'what?' } });
    const asked = data(await bench.told(run.runId, 'input_requested')) as { requestId: string };

    await expect(bench.engine.stop('eve', run.runId)).rejects.toMatchObject({ code: 'run_not_found' });
    const answer = bench.engine.provideInput('eve', run.runId, asked.requestId, 'x');
    await expect(answer).rejects.toMatchObject({ code: 'run_not_found' });
  });

  it('whose agent throws ends with the message, without the stack and without secrets', async () => {
    const { run } = await bench.do(() =>
      Promise.reject(new Error(`no answer for api_key=sk-abcdefgh12345678 ${'x'.repeat(9_000)}`)),
    );
    const end = await bench.ended(run.runId);

    expect(data(end)).toMatchObject({ code: 'run_failed', retryable: true });
    expect(end.data).toContain('no answer for');
    expect(end.data).not.toContain('sk-abcdefgh12345678');
    expect(end.data).not.toContain('.ts:');
    expect(end.data.length).toBeLessThan(2_200);
  });

  it.each([
    ['undefined', undefined],
    ['an object without a text', Object.create(null)],
    ['a text', 'plain'],
  ])('whose agent throws %s fails', async (_what, thrown) => {
    const { run } = await bench.do(async () => {
      await Promise.reject(thrown as Error);
    });
    expect(data(await bench.ended(run.runId))).toMatchObject({ code: 'run_failed' });
  });

  it('fails when its agent emits what an agent cannot, even if nobody looks', async () => {
    const { run } = await bench.do(async (context) => {
      await context.write('kept');
      void context.emit('agent_completed' as 'custom', { name: 'x', value: 1 });
      await context.write('lost').catch(() => undefined);
    });

    expect(data(await bench.ended(run.runId))).toMatchObject({
      code: 'run_failed',
      message: expect.stringContaining("cannot emit 'agent_completed'"),
    });
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_delta', 'agent_error']);
  });

  it('fails when its agent emits without end and waits for nothing', async () => {
    const refused = new Gate();
    const { run } = await bench.do(async (context) => {
      for (let count = 0; !context.signal.aborted; count += 1) void context.write('x'.repeat(10_000));
      refused.open();
      await new Promise(() => undefined);
    });
    await refused.opened;

    const end = await bench.ended(run.runId);
    expect(data(end)).toMatchObject({ code: 'run_failed', message: expect.stringContaining('without waiting') });
    await bench.fence();
    expect((await bench.types(run)).at(-1)).toBe('agent_error');
  });

  it('is held back, not failed, when its agent waits', async () => {
    const { run, threadId } = await bench.do(async (context) => {
      for (let count = 0; count < 60; count += 1) await context.write(String(count % 10).repeat(200_000));
    });
    await bench.ended(run.runId);

    const log = await bench.log(threadId);
    const deltas = log.filter((event) => event.type === 'agent_delta').map((event) => String(event.data['text']));
    expect(deltas.join('')).toHaveLength(12_000_000);
    expect(Math.max(...deltas.map((delta) => delta.length))).toBeLessThanOrEqual(65_536);
    expect(log.at(-1)?.type).toBe('agent_completed');
  });

  it('has its end and its long strings cut to what an event can hold, with a mark', async () => {
    const long = 'é😀'.repeat(400_000);
    const { run, threadId } = await bench.do(async (context) => {
      await context.emit('tool_completed', { toolCallId: 'c', tool: 't', result: { page: long }, durationMs: 1 });
      return { content: long, usage: { note: long } };
    });
    const end = await bench.ended(run.runId);

    expect(end.type).toBe('agent_completed');
    expect(Buffer.byteLength(end.data)).toBeLessThanOrEqual(262_144);
    expect((data(end) as { content: string }).content).toMatch(/^é😀.*… \[cut: \d+ characters\]$/u);
    const result = (await bench.log(threadId)).find((event) => event.type === 'tool_completed')?.data['result'];
    expect((result as { page: string }).page).toMatch(/… \[cut: \d+ characters\]$/u);
  });

  it('is given the thread as it was before it', async () => {
    const { threadId, run: first } = await bench.start({ message: 'hello' });
    await bench.ended(first.runId);
    let seen: string[] = [];
    const { run } = await bench.do(
      async (context) => {
        await context.write('not seen');
        seen = (await context.history()).map((event) => event.type);
        expect(await context.history(1)).toMatchObject([{ type: 'agent_completed', runId: first.runId }]);
      },
      { threadId },
    );
    expect(data(await bench.ended(run.runId))).toMatchObject({ content: 'done' });

    expect(seen[0]).toBe('message_created');
    expect(seen.at(-1)).toBe('agent_completed');
  });

  it('gets the input that it asks for, once, and refuses any other', async () => {
    const { run } = await bench.do(async (context) => {
      void context.write('I need ');
      const answer = await context.requestInput({ prompt: 'a number', schema: { type: 'number' } });
      await context.write(`got ${JSON.stringify(answer)}`);
      return { content: 'ok' };
    });
    const { requestId } = data(await bench.told(run.runId, 'input_requested')) as { requestId: string };
    expect(await bench.record(run.runId)).toMatchObject({ status: 'waiting_input' });
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'waiting_input' })).toBe(1);

    expect(await bench.engine.provideInput('ada', run.runId, requestId, 7)).toEqual({ runId: run.runId });
    await bench.engine.provideInput('ada', run.runId, requestId, 7).catch(() => undefined);
    const other = bench.engine.provideInput('ada', run.runId, requestId, 8);
    await expect(other).rejects.toMatchObject({ code: 'input_closed' });
    await bench.ended(run.runId);

    expect(await bench.types(run)).toEqual([
      'agent_started',
      'agent_delta',
      'input_requested',
      'input_received',
      'agent_delta',
      'agent_completed',
    ]);
  });

  it('is over for its agent when the thread is deleted', async () => {
    const aborted = new Gate();
    const { run, threadId } = await bench.do(async (context) => {
      context.signal.addEventListener('abort', () => aborted.open());
      await new Promise(() => undefined);
    });
    const { run: waiting } = await bench.start({ threadId, message: 'next' });
    await bench.told(run.runId, 'agent_started');
    await bench.app.get(ThreadsService).remove('ada', threadId);
    await aborted.opened;
    await bench.fence();

    expect(await bench.record(waiting.runId)).toMatchObject({ status: 'cancelled', attempt: 0 });
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'running' })).toBe(0);
    expect(await bench.metrics.value('threadcast_agents_runs', { state: 'queued' })).toBe(0);
  });
});

describe('While the storage is away', () => {
  it('a run takes nothing but its end, which comes when the storage is back', async () => {
    const outcomes: unknown[] = [];
    const tried = new Gate();
    const { run } = await bench.do(async (context) => {
      await context.write('kept');
      storage().down = true;
      await context.write('lost').catch((error: unknown) => outcomes.push(error));
      outcomes.push(context.signal.aborted);
      await context.write('refused').catch((error: unknown) => outcomes.push(error));
      tried.open();
    });
    await tried.opened;
    for (let tries = 0; tries < 10; tries += 1) {
      await settle();
      bench.clock.advance(5_000);
    }
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_delta']);
    expect(await bench.record(run.runId)).toMatchObject({ status: 'running' });

    storage().down = false;
    await settle();
    bench.clock.advance(5_000);
    expect(data(await bench.ended(run.runId))).toMatchObject({ message: 'The storage does not answer.' });
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_delta', 'agent_error']);
    const [lost, aborted, refused] = outcomes;
    expect(lost).toMatchObject({ code: 'storage_unavailable' });
    expect(aborted).toBe(true);
    expect(refused).toMatchObject({ code: 'run_ended' });
  });

  it('a run that was to begin begins when it is back', async () => {
    const run = await bench.queue({ message: 'hello' });
    storage().down = true;
    expect(bench.engine.dispatch(run)).toBe('running');
    await settle();
    storage().down = false;
    bench.clock.advance(5_000);

    expect((await bench.ended(run.runId)).type).toBe('agent_completed');
  });
});

/** Lets what is under way come to where it waits for time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => bench.clock.soon(resolve));
}
