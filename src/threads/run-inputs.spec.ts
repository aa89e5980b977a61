import { describe, expect, it } from '@jest/globals';

import type { RunInput } from '../storage/index.js';
import { addInput } from './run-inputs.js';

function input(n: number, more: Partial<RunInput> = {}): RunInput {
  return { requestId: `input-${n}`, status: 'open', attempt: 1, requestedAt: 1, ...more };
}

function answered(count: number): RunInput[] {
  return Array.from({ length: count }, (_, n) => input(n, { status: 'answered', value: n }));
}

const refused = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'invalid_payload', message: expect.stringMatching(message) });

describe('What a run asks for', () => {
  it('is at most so much in all', () => {
    expect(addInput(answered(999), input(999))).toHaveLength(1_000);
    expect(() => addInput(answered(1_000), input(1_000))).toThrow(refused(/at most 1000 times/));
  });

  it('is at most so much at once', () => {
    const open = Array.from({ length: 99 }, (_, n) => input(n));
    expect(addInput([...open, ...answered(9)], input(99))).toHaveLength(109);
    expect(() => addInput([...open, input(99)], input(100))).toThrow(refused(/at most 100 inputs at once/));
  });

  it('is bounded together with the answers', () => {
    const large = input(0, { status: 'answered', value: 'x'.repeat(4_000_000) });
    expect(addInput([large], input(1))).toHaveLength(2);
    const tooMuch = input(1, { prompt: 'x'.repeat(200_000) });
    expect(() => addInput([large], tooMuch)).toThrow(refused(/4194304 characters/));
  });
});
