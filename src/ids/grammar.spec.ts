import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../errors/index.js';
import { isConnectionId, isThreadId, parseConnectionId, parseRunId, parseThreadId, threadIdOfKey } from './index.js';

interface Vectors {
  readonly parse: readonly { readonly runId: string; readonly threadId: string | null }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../test/vectors/run-ids.json', import.meta.url), 'utf8'),
) as Vectors;

function refusal(parse: () => unknown): ThreadcastError {
  try {
    parse();
  } catch (error) {
    if (error instanceof ThreadcastError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('run ids', () => {
  it.each(vectors.parse.filter(({ threadId }) => threadId !== null))(
    '$runId names $threadId',
    ({ runId, threadId }) => {
      expect(parseRunId(runId).threadId).toBe(threadId);
    },
  );

  it.each(vectors.parse.filter(({ threadId }) => threadId === null))('$runId is refused', ({ runId }) => {
    expect(refusal(() => parseRunId(runId)).code).toBe('invalid_id');
  });

  it.each([
    ['thread_abc_run_1_x', 'thread_abc_run_1_x', 'thread_abc'],
    ['thread_thread_abc_run_1_x', 'thread_abc_run_1_x', 'thread_abc'],
    ['thread_thread_thread_abc_run_1_x', 'thread_abc_run_1_x', 'thread_abc'],
    ['run_abc_0a1b2c3d', 'run_abc_0a1b2c3d', 'thread_abc'],
    ['run_thread_abc_0a1b2c3d', 'run_abc_0a1b2c3d', 'thread_abc'],
    ['run_thread_thread_abc_0a1b2c3d', 'run_abc_0a1b2c3d', 'thread_abc'],
    ['thread_a_run_run_1_x', 'thread_a_run_run_1_x', 'thread_a_run'],
    ['thread_run_x_run_1_x', 'thread_run_x_run_1_x', 'thread_run_x'],
    ['thread_thread_run_1_x', 'thread_thread_run_1_x', 'thread_thread'],
    ['run_run_x_0a1b2c3d', 'run_run_x_0a1b2c3d', 'thread_run_x'],
    ['run_x_run_0a1b2c3d', 'run_x_run_0a1b2c3d', 'thread_x_run'],
    ['run_thread_0a1b2c3d', 'run_thread_0a1b2c3d', 'thread_thread'],
  ])('%s is kept as %s of %s', (received, runId, threadId) => {
    expect(parseRunId(received)).toEqual({ runId, threadId });
    expect(isThreadId(threadId)).toBe(true);
  });

  it.each([
    'thread_run_1_x',
    `thread_abc_run_1_${'a'.repeat(33)}`,
    'thread_abc_run_1_x\n',
    'thread_abc_run_1_x ',
    'THREAD_abc_run_1_x',
    'thread_abc_RUN_1_x',
    'thread_abc_run_1_',
    `thread_${'a'.repeat(129)}_run_1_x`,
    'thread_abc_run_١_x',
  ])('%j is refused', (received) => {
    expect(refusal(() => parseRunId(received)).code).toBe('invalid_id');
  });

  it('are refused with what was received, what is accepted, and the part that did not fit', () => {
    const error = refusal(() => parseRunId('thread_user__session_run_1693430400000_b2c3d4e5'));
    expect(error.details).toEqual({
      received: 'thread_user__session_run_1693430400000_b2c3d4e5',
      accepted: expect.arrayContaining(['run_{key or thread id}_{8 lower-case hex}']),
      fault: 'its key contains __',
    });
    expect(error.message).toContain('its key contains __');
  });

  it.each([undefined, null, 7, {}, [], Symbol('x'), 1n])('that are not text are refused', (received) => {
    expect(refusal(() => parseRunId(received)).code).toBe('invalid_id');
  });

  it.each(['thread_', 'run_', '_run_', 'thread_a_run_1', '_', 'a'])(
    'of a megabyte made of %j are refused, with their beginning only',
    (piece) => {
      const received = piece.repeat(Math.ceil(1_000_000 / piece.length));
      const { details } = refusal(() => parseRunId(received));
      expect(String(details?.['received']).length).toBeLessThanOrEqual(201);
    },
  );
});

describe('thread ids', () => {
  it.each(['thread_374579bdba3c41b8', 'thread_a', 'thread_A-b_C', 'thread_a--b', `thread_${'k'.repeat(128)}`])(
    '%s is one',
    (id) => {
      expect(parseThreadId(id)).toBe(id);
    },
  );

  it.each([
    ['thread_', 'its key is empty'],
    ['abc', 'it does not begin with thread_'],
    ['Thread_abc', 'it does not begin with thread_'],
    ['thread_thread_abc', 'its key begins with thread_ again'],
    ['thread_a__b', 'its key contains __'],
    ['thread_a_run_b', 'its key contains _run_'],
    ['thread_-a', 'its key does not begin and end with a letter or digit'],
    ['thread_a_', 'its key does not begin and end with a letter or digit'],
    ['thread_a b', 'its key has characters other than A-Z a-z 0-9 _ -'],
    ['thread_a\n', 'its key has characters other than A-Z a-z 0-9 _ -'],
    [`thread_${'k'.repeat(129)}`, 'its key is longer than 128 characters'],
  ])('%j is refused: %s', (id, fault) => {
    expect(isThreadId(id)).toBe(false);
    expect(refusal(() => parseThreadId(id)).details).toMatchObject({ received: id, fault });
  });

  it('are made from keys', () => {
    expect(threadIdOfKey('abc')).toBe('thread_abc');
    expect(refusal(() => threadIdOfKey('thread_abc')).code).toBe('invalid_id');
  });
});

describe('connection ids', () => {
  it('are conn_ and a lower-case uuid', () => {
    const id = 'conn_7c5e1032-ed21-4aea-b12a-aeddf3622bec';
    expect(parseConnectionId(id)).toBe(id);
    for (const other of [id.toUpperCase(), `${id} `, id.slice(5), 'conn_', 'conn_7c5e1032', 5]) {
      expect(isConnectionId(other)).toBe(false);
      expect(refusal(() => parseConnectionId(other)).code).toBe('invalid_id');
    }
  });
});
