import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { RunRecord } from '../storage/index.js';
import type { AgentContext } from './index.js';
import { Gate, RunsBench } from '../testing/runs-bench.js';

let bench: RunsBench;

beforeEach(async () => {
  bench = await RunsBench.open({ agents: { runTimeoutMs: 1_000, runStallMs: 300, inputTimeoutMs: 5_000 } });
});

afterEach(() => bench.close());

async function reason(run: RunRecord): Promise<unknown> {
  const end = await bench.ended(run.runId);
  return (JSON.parse(end.data) as { code?: string }).code ?? end.type;
}

/** What an agent does between two signs of life. */
function pause({ signal }: AgentContext): Promise<void> {
  return bench.clock.sleep(200, signal);
}

/** Moves time on, and lets what is under way before and after come to rest. */
async function advance(ms: number): Promise<void> {
  await bench.fence();
  bench.clock.advance(ms);
  await bench.fence();
}

describe('The watchdog', () => {
  it('ends a run that goes silent, and aborts its agent', async () => {
    const aborted = new Gate();
    const { run } = await bench.do(async (context) => {
      context.signal.addEventListener('abort', () => aborted.open());
      await new Promise(() => undefined);
    });
    await advance(299);
    expect(await bench.types(run)).toEqual(['agent_started']);
    await advance(1);
    await aborted.opened;

    expect(await reason(run)).toBe('run_stalled');
    expect(await bench.types(run)).toEqual(['agent_started', 'agent_error']);
  });

  it('takes every stored event for a sign of life', async () => {
    const { run } = await bench.do(async (context) => {
      for (let tick = 0; tick < 4; tick += 1) {
        await context.emit('progress_update', { message: 'on it' });
        await pause(context);
      }
    });
    for (let tick = 0; tick < 4; tick += 1) await advance(200);

    expect(await reason(run)).toBe('agent_completed');
  });

  it('ends a run that works too long, however busy', async () => {
    const { run } = await bench.do(async (context) => {
      for (;;) {
        await context.emit('progress_update', { message: 'on it' });
        await pause(context);
      }
    });
    for (let tick = 0; tick < 5; tick += 1) await advance(200);

    expect(await reason(run)).toBe('run_timeout');
  });

  it('rests while the run is queued or waits for input', async () => {
    const gate = new Gate();
    const asking = await bench.do(async (context) => {
      await context.requestInput({});
      await gate.opened;
    });
    const { threadId } = asking;
    const { run: queued } = await bench.start({ threadId, message: 'later' });
    const asked = JSON.parse((await bench.told(asking.run.runId, 'input_requested')).data) as { requestId: string };
    await advance(4_999);
    await bench.engine.provideInput('ada', asking.run.runId, asked.requestId, 'yes');
    await advance(299);
    gate.open();

    expect(await reason(asking.run)).toBe('agent_completed');
    expect(await reason(queued)).toBe('agent_completed');
  });

  it('counts the working time before and after the waiting', async () => {
    const { run } = await bench.do(async (context) => {
      for (let tick = 0; ; tick += 1) {
        if (tick === 3) await context.requestInput({});
        await context.emit('progress_update', { message: 'on it' });
        await pause(context);
      }
    });
    for (let tick = 0; tick < 3; tick += 1) await advance(200);
    const asked = JSON.parse((await bench.told(run.runId, 'input_requested')).data) as { requestId: string };
    await advance(3_000);
    await bench.engine.provideInput('ada', run.runId, asked.requestId, 'yes');
    await advance(200);
    expect((await bench.record(run.runId)).status).toBe('running');
    await advance(200);

    expect(await reason(run)).toBe('run_timeout');
  });

  it('ends a run whose input does not come, and rejects what its agent waits for', async () => {
    const rejected = new Gate();
    const { run } = await bench.do(async (context) => {
      await context.requestInput({ prompt: 'hello?' }).catch(() => rejected.open());
    });
    const asked = JSON.parse((await bench.told(run.runId, 'input_requested')).data) as { requestId: string };
    await advance(5_000);
    await rejected.opened;

    expect(await reason(run)).toBe('input_expired');
    const late = bench.engine.provideInput('ada', run.runId, asked.requestId, 'here');
    await expect(late).rejects.toMatchObject({ code: 'input_closed' });
  });

  it('leaves no timer behind', async () => {
    const before = bench.clock.pendingTimers;
    const { run } = await bench.start({ message: 'short' });
    await bench.ended(run.runId);

    expect(bench.clock.pendingTimers).toBe(before);
  });
});
