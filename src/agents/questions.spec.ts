import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { JsonValue } from '../protocol/index.js';
import type { RunInput, RunRecord } from '../storage/index.js';
import { RunsBench, type Script } from '../testing/runs-bench.js';

let bench: RunsBench;

beforeEach(async () => {
  bench = await RunsBench.open();
});

afterEach(() => bench.close());

async function asks(script: Script): Promise<RunRecord> {
  return (await bench.do(script)).run;
}

async function inputs(run: RunRecord): Promise<readonly RunInput[]> {
  return (await bench.record(run.runId)).inputs;
}

describe('An agent that asks', () => {
  it('without end fails', async () => {
    const run = await asks(async (context) => {
      await Promise.all(Array.from({ length: 101 }, () => context.requestInput({ prompt: 'Again?' })));
    });

    const end = JSON.parse((await bench.ended(run.runId)).data) as unknown;
    expect(end).toMatchObject({ code: 'run_failed', message: expect.stringContaining('at most 100 inputs at once') });
    expect((await inputs(run)).map((input) => input.status)).toEqual(Array.from({ length: 100 }, () => 'closed'));
  });

  it.each([
    ['a name that is none', { requestId: '' }],
    ['a name that is too long', { requestId: 'x'.repeat(257) }],
    ['what is no JSON', { schema: 7n as unknown as JsonValue }],
  ])('with %s fails', async (_what, question) => {
    const run = await asks(async (context) => {
      void context.requestInput(question);
      await new Promise(() => undefined);
    });

    expect(JSON.parse((await bench.ended(run.runId)).data)).toMatchObject({ code: 'run_failed' });
  });
});
