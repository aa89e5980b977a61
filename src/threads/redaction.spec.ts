import { inspect } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';

import { RandomIdGenerator } from '../ids/index.js';
import { Metrics } from '../metrics/index.js';
import { Redaction, RedactionFailure, WITHHELD } from './redaction.js';
import { Redactor } from './redactor.js';
import { RuleRedactor } from './rule-redactor.js';

const metrics = new Metrics();
const lines: string[] = [];

beforeAll(() => {
  const keep = (...line: unknown[]): void => {
    lines.push(inspect(line));
  };
  Logger.overrideLogger({ log: keep, warn: keep, error: keep, debug: keep });
});

afterAll(() => {
  Logger.overrideLogger(['fatal', 'error', 'warn', 'log', 'debug', 'verbose']);
});

/** Gives what a test says, or throws it. */
class OddRedactor extends Redactor {
  constructor(private readonly gives: () => unknown) {
    super();
  }

  override redact<T>(_value: T): T {
    return this.gives() as T;
  }

  override redactText(): string {
    return this.gives() as string;
  }
}

const guarded = (redactor: Redactor): Redaction => new Redaction(redactor, new RandomIdGenerator(), metrics);
const fails = (): never => {
  throw new Error('hunter2 is no secret');
};

describe('The way to the redactor', () => {
  const usual = guarded(new RuleRedactor(metrics));

  it('redacts each field, and leaves names', () => {
    const names = new Set(['userId']);
    expect(usual.json({ userId: 'token:abc123', text: 'token: abc123', token: 'x' }, names)).toBe(
      '{"userId":"token:abc123","text":"token: [redacted]","token":"[redacted]"}',
    );
    expect(usual.json({ 'https://u:p@h/': 1 })).toBe('{"https://[redacted]@h/":1}');
    expect(usual.json({ gone: undefined, call: () => 1, left: null })).toBe('{"left":null}');
    expect(usual.json(JSON.parse('{"__proto__":{"a":1}}') as object)).toBe('{"__proto__":{"a":1}}');
    expect(usual.json({})).toBe('{}');
  });

  const circular: Record<string, unknown> = {};
  circular['text'] = circular;
  it.each<[string, () => unknown]>([
    ['throws', fails],
    ['gives nothing', () => undefined],
    ['gives a promise', () => Promise.resolve({ text: 'hunter2' })],
    ['gives a promise that is rejected', () => Promise.reject(new Error('hunter2'))],
    ['gives an object without the field', () => ({})],
    ['gives what JSON cannot say', () => ({ text: () => 'hunter2' })],
    ['gives what cannot be written', () => ({ text: 5n })],
    ['gives a cycle', () => circular],
    ['gives null', () => null],
  ])('stores nothing where it %s, and quotes nothing', async (_what, gives) => {
    const before = await metrics.value('threadcast_threads_redaction_failures_total', {});
    const redaction = guarded(new OddRedactor(gives));
    for (const redact of [() => redaction.json({ text: 'hunter2' }), () => redaction.text('hunter2')]) {
      const failure = thrownBy(redact);
      expect(failure).toBeInstanceOf(RedactionFailure);
      expect(failure).toMatchObject({ code: 'internal', details: { errorId: expect.stringMatching(/^err_/) } });
      expect(failure).not.toHaveProperty('cause');
      expect(inspect([(failure as RedactionFailure).toWire(), failure])).not.toContain('hunter2');
    }
    expect(redaction.textOrWithheld('hunter2')).toBe(WITHHELD);
    expect(lines.splice(0).join()).toMatch(/^(?!.*hunter2).*OddRedactor failed: it (threw|gave) .*err_/s);
    expect(await metrics.value('threadcast_threads_redaction_failures_total', {})).toBe(before + 3);
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
