import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from '@jest/globals';
import type { Response } from 'express';

import { parseThreadId } from '../ids/index.js';
import { ManualClock } from '../testing/manual-clock.js';
import { EventStream } from './event-stream.js';

/** A line that takes what is written only as long as somebody reads. */
class Line extends Socket {
  isRead = true;

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    if (this.isRead) done();
  }

  override _writev(_chunks: unknown, done: () => void): void {
    if (this.isRead) done();
  }
}

async function openStream() {
  const line = new Line();
  const clock = new ManualClock();
  const nextTurn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve));
  const res = new ServerResponse(new IncomingMessage(line));
  res.assignSocket(line);
  const stream = new EventStream('stream_1', 'alice', res as Response, clock, 1_000);
  const state = { isOver: false };
  stream.open('epoch', () => (state.isOver = true));
  await nextTurn();
  const pass = async (ms: number): Promise<boolean> => {
    clock.advance(ms);
    await nextTurn();
    return state.isOver;
  };
  return { line, stream, pass };
}

describe('An event stream', () => {
  it('of which nothing is read for 45 seconds is over, also with little unsent', async () => {
    const { line, stream, pass } = await openStream();
    line.isRead = false;
    stream.caughtUp(parseThreadId('thread_a'), 0);
    expect(await pass(44_999)).toBe(false);

    expect(await pass(1)).toBe(true);
    line.destroy();
  });

  it('that is read goes on, also when the process itself was held up', async () => {
    const { line, stream, pass } = await openStream();
    stream.caughtUp(parseThreadId('thread_a'), 0);
    expect(await pass(600_000)).toBe(false);

    stream.end('enough');
    line.destroy();
  });
});
