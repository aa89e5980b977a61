import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';

import { Log } from './log.js';
import { PinoLogger } from './pino-logger.js';

type Line = Readonly<Record<string, unknown>>;

let written: string[];

/** As the server does it at its start. */
function logAt(level: string): Log {
  written = [];
  const destination = { write: (line: string): void => void written.push(line) };
  const redact = (text: string): string => text.replaceAll('hunter2', '***');
  const logger = new PinoLogger(level, { redact, destination });
  Logger.overrideLogger(logger.levels);
  Logger.overrideLogger(logger);
  return new Log('Test');
}

const lines = (): Line[] => written.map((line) => JSON.parse(line) as Line);

afterEach(() => {
  Logger.overrideLogger(['fatal', 'error', 'warn', 'log', 'debug', 'verbose']);
});

describe('The log', () => {
  it('writes a line of JSON with its fields', () => {
    const log = logAt('debug');
    log.debug('run queued', { runId: 'run', state: 'queued', before: undefined, userId: 'alice' });
    log.warn('it waits');
    expect(log.debugs).toBe(true);
    expect(lines()).toEqual([
      {
        level: 20,
        time: expect.any(Number),
        context: 'Test',
        runId: 'run',
        state: 'queued',
        userId: 'alice',
        msg: 'run queued',
      },
      { level: 40, time: expect.any(Number), context: 'Test', msg: 'it waits' },
    ]);
  });

  it.each([
    ['trace', true, ['debug', 'info', 'warn', 'error']],
    ['debug', true, ['debug', 'info', 'warn', 'error']],
    ['info', false, ['info', 'warn', 'error']],
    ['error', false, ['error']],
    ['silent', false, []],
  ])('at %s says whether debug is read, and writes what it should', (level, debugs, expected) => {
    const log = logAt(level);
    for (const said of ['debug', 'info', 'warn', 'error'] as const) log[said](said);
    expect([log.debugs, lines().map(({ msg }) => msg)]).toEqual([debugs, expected]);
  });

  it('asks nobody to write a line that is not read', () => {
    const log = logAt('info');
    const asked: unknown[] = [];
    const keep = (text: unknown): void => void asked.push(text);
    Logger.overrideLogger({ log: keep, warn: keep, error: keep, debug: keep });
    log.debug('unread');
    log.info('read');
    expect(asked).toEqual(['read']);
  });

  it('takes what is secret out of texts, fields, stacks, errors and their causes', () => {
    const log = logAt('info');
    log.error('hunter2', { code: 'hunter2' }, 'at hunter2');
    log.defect(new Error('hunter2', { cause: new Error('deeper: hunter2') }));
    log.defect('hunter2');
    expect(lines()).toEqual([
      expect.objectContaining({ msg: '***', code: '***', stack: 'at ***' }),
      expect.objectContaining({
        msg: '***',
        err: expect.objectContaining({ type: 'Error', message: '***' }) as unknown,
      }),
      expect.objectContaining({ msg: '***' }),
    ]);
    expect(written.join('')).toContain('deeper: ***');
    expect(written.join('')).not.toContain('hunter2');
  });
});
