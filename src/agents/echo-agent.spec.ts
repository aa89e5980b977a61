import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RunsBench, type LoggedEvent } from '../testing/runs-bench.js';
import { countWords, wordPieces } from './echo-input.js';

let bench: RunsBench;

beforeEach(async () => {
  bench = await RunsBench.open();
});

afterEach(() => bench.close());

function text(log: readonly LoggedEvent[]): string {
  return log
    .filter((event) => event.type === 'agent_delta')
    .map((event) => String(event.data['text']))
    .join('');
}

async function echo(input: Parameters<RunsBench['start']>[0]): Promise<LoggedEvent[]> {
  const { run, threadId } = await bench.start(input);
  await bench.ended(run.runId);
  return bench.log(threadId);
}

describe('echo', () => {
  it('answers a message with every kind of event, and its end last', async () => {
    const log = await echo({ message: 'hello there world' });

    const types = log.map((event) => event.type);
    expect(types.filter((type, index) => type !== types[index - 1])).toEqual([
      'message_created',
      'agent_started',
      'agent_thinking',
      'tool_executing',
      'tool_completed',
      'agent_delta',
      'agent_completed',
    ]);
    expect(log[1]?.data).toEqual({});
    expect(log[3]?.data).toMatchObject({ tool: 'count_words', args: { text: 'hello there world' } });
    expect(log[4]?.data).toMatchObject({ tool: 'count_words', result: { words: 3 } });
    expect(text(log)).toBe('hello there world');
    expect(log.at(-1)?.data).toMatchObject({ content: 'hello there world', messageId: log[5]?.data['messageId'] });
    expect(log.map((event) => event.seq)).toEqual(log.map((_event, index) => index + 1));
  });

  it('tells the input of a bare start as it was given', async () => {
    const log = await echo({ input: { text: 'a b', repeat: 2 } });

    expect(log[0]).toMatchObject({ type: 'agent_started', data: { input: { text: 'a b', repeat: 2 } } });
    expect(text(log)).toBe('a ba b');
  });

  it('takes a string', async () => {
    expect(text(await echo({ input: 'just this' }))).toBe('just this');
  });

  it('takes the rest of what it does from the metadata of the message', () => {
    const message = { content: 'hi', metadata: { echo: { repeat: 3 } } };
    expect(bench.engine.prepare(undefined, { message })).toEqual({ agent: 'echo', input: { text: 'hi', repeat: 3 } });
  });

  it('says one word per delta when it waits between them', async () => {
    const { run, threadId } = await bench.start({ input: { text: 'one  two\n three', delayMs: 50 } });
    const words: string[] = [];
    for (const word of ['one  ', 'two\n ', 'three']) {
      const delta = await bench.event(
        (event) => event.type === 'agent_delta' && event.data.includes(JSON.stringify(word)),
      );
      words.push((JSON.parse(delta.data) as { text: string }).text);
      await bench.fence();
      bench.clock.advance(50);
    }
    await bench.ended(run.runId);

    expect(words).toEqual(['one  ', 'two\n ', 'three']);
    expect((await bench.log(threadId)).filter((event) => event.type === 'agent_delta')).toHaveLength(3);
  });

  it('fails after so many words', async () => {
    const log = await echo({ input: { text: 'a b c d', failAfter: 2 } });

    expect(text(log)).toBe('a b ');
    expect(log.at(-1)).toMatchObject({ type: 'agent_error', data: { code: 'run_failed', retryable: true } });
  });

  it('asks first, and says the answer in place of the text', async () => {
    const { run, threadId } = await bench.start({ input: { text: 'unused', ask: 'Your name?' } });
    const asked = JSON.parse((await bench.told(run.runId, 'input_requested')).data) as { requestId: string };
    expect(asked).toMatchObject({ prompt: 'Your name?' });
    await bench.engine.provideInput('ada', run.runId, asked.requestId, 'Ada Lovelace');
    await bench.ended(run.runId);

    expect(text(await bench.log(threadId))).toBe('Ada Lovelace');
  });

  it('goes silent after so many words, until the watchdog ends it', async () => {
    const { run, threadId } = await bench.start({ input: { text: 'a b c', stallAfter: 1 } });
    await bench.told(run.runId, 'agent_delta');
    await bench.fence();
    bench.clock.advance(120_000);
    await bench.ended(run.runId);

    const log = await bench.log(threadId);
    expect(text(log)).toBe('a ');
    expect(log.at(-1)).toMatchObject({ type: 'agent_error', data: { code: 'run_stalled' } });
  });

  it.each([
    ['no text', {}, 'text'],
    ['a number', 5, 'input'],
    ['a list', ['a'], 'input'],
    ['a repeat of 0', { text: 'a', repeat: 0 }, 'repeat'],
    ['a broken repeat', { text: 'a', repeat: 1.5 }, 'repeat'],
    ['a delay that is too long', { text: 'a', delayMs: 60_001 }, 'delayMs'],
    ['a negative failAfter', { text: 'a', failAfter: -1 }, 'failAfter'],
    ['a stallAfter in words', { text: 'a', stallAfter: 'two' }, 'stallAfter'],
    ['an ask that is no string', { text: 'a', ask: 1 }, 'ask'],
    ['more than a million words', { text: 'a b', repeat: 500_001 }, 'repeat'],
    ['too many characters', { text: 'a'.repeat(1_000), repeat: 100_000 }, 'repeat'],
  ])('refuses %s', (_what, input, field) => {
    const expected = { code: 'invalid_payload', details: { fields: [expect.objectContaining({ field })] } };
    expect(() => bench.engine.prepare('echo', { input })).toThrow(expect.objectContaining(expected));
  });

  it('says any text exactly, however often', async () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('a', ' ', '\n', 'é', '😀', ' ') }),
    );
    await fc.assert(
      fc.asyncProperty(anyText, fc.integer({ min: 1, max: 5 }), async (said, repeat) => {
        const log = await echo({ input: { text: said, repeat } });
        const content = log.at(-1)?.data['content'];
        expect(text(log)).toBe(content);
        // What looks like a secret is redacted in both; these texts hold none.
        expect(content).toBe(said.repeat(repeat));
      }),
      { numRuns: 50 },
    );
  });

  it('cuts a text into words that together are the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\t', '\u00a0', '😀') }), (said) => {
        const pieces = wordPieces(said);
        expect(pieces.join('')).toBe(said);
        expect(pieces).toHaveLength(countWords(said) || (said === '' ? 0 : 1));
      }),
    );
  });
});
