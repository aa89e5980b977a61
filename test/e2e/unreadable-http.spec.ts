import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { TestServer } from '../../src/testing/index.js';
import { exchange, lastAnswer } from '../fuzz/raw-http.js';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.close());

/** What these bytes are answered, on a connection that the server has to end. */
async function answerTo(text: string): Promise<{ status: number; problem: Record<string, unknown> }> {
  const answer = lastAnswer(await exchange(server.url, Buffer.from(text, 'latin1')).received);
  if (answer === null) throw new Error('There was no answer.');
  expect(answer.head).toMatch(/\r\nContent-Type: application\/problem\+json/i);
  return { status: answer.status, problem: JSON.parse(answer.body) as Record<string, unknown> };
}

describe('What cannot be read as HTTP', () => {
  it.each([
    ['nonsense', 'hello\r\n\r\n', 400, 'invalid_payload'],
    [
      'two lengths',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'invalid_payload',
    ],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431, 'message_too_large'],
  ])('is answered with a problem document, and the connection ends: %s', async (_what, text, status, code) => {
    const bob = await server.ready('bob');
    const answer = await answerTo(text);

    expect(answer).toMatchObject({ status, problem: { status, code, retryable: false } });
    await bob.fence();
  });

  it('is not answered into the middle of another answer: that one breaks off', async () => {
    const { threadId } = await (await server.ready('alice')).ask('create_thread', {});
    const token = await server.token('alice');
    const headers = `Host: x\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream`;
    const stream = exchange(
      server.url,
      Buffer.from(`GET /api/threads/${String(threadId)}/events HTTP/1.1\r\n${headers}\r\n\r\nnonsense\r\n\r\n`),
    );
    const received = await stream.received;

    expect(received.match(/HTTP\/1\.1/g) ?? []).toHaveLength(received === '' ? 0 : 1);
    expect(received).not.toContain('problem');
  });
});

describe('An expectation that nobody knows', () => {
  it('is left unmet, and the request answered', async () => {
    const { status } = lastAnswer(
      await exchange(
        server.url,
        Buffer.from('GET /health/live HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\nConnection: close\r\n\r\n'),
      ).received,
    )!;

    expect(status).toBe(200);
  });
});
