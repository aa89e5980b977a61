import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { fuzz, fuzzRun } from './fuzz-run.js';
import { httpGarbage, httpInput, type HttpInput } from './http-requests.js';
import { errorFault, leakIn } from './leaks.js';
import { exchange, lastAnswer, requestBytes } from './raw-http.js';
import { Target } from './target.js';

const BATCH = 100;

const run = fuzzRun('HTTP requests', 0.3);
const batchOf = <T>(input: fc.Arbitrary<T>) => fc.array(input, { minLength: 1, maxLength: BATCH, size: 'max' });
const part = (share: number) => ({ ...run, inputs: run.inputs * share });

const target = new Target({
  MAX_MESSAGE_BYTES: '65536',
  RUN_TIMEOUT_MS: '1000',
  RATE_LIMIT_MESSAGES_PER_SEC: '1000000',
  RATE_LIMIT_BURST: '1000000',
});
let places: Readonly<Record<string, string>> = {};

const begin = async (): Promise<void> => {
  if (!(await target.ensure())) return;
  const token = await target.token('mallory');
  const call = async (path: string, body: object): Promise<Record<string, string>> => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const response = await fetch(`${target.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, string>;
  };
  const { threadId } = await call('/api/threads', {});
  const { runId } = await call(`/api/threads/${threadId}/runs`, { agent: 'echo', input: { ask: 'What?' } });
  places = {
    '@token@': token,
    '@admin@': await target.token('root', ['admin', 'producer']),
    '@thread@': threadId ?? '',
    '@run@': runId ?? '',
    '@request@': 'unknown',
    '@foreign@': target.witness.threadId,
    '@foreign-run@': target.witness.waitingRunId,
  };
};

beforeAll(begin, 60_000);
afterAll(() => target.close());

const placed = (text: string): string =>
  Object.entries(places).reduce((done, [place, id]) => done.replaceAll(place, id), text);

function bytesOf({ method, path, headers, body }: HttpInput): Buffer {
  const put = headers.map(([name, value]) => [name, placed(value)] as const);
  return requestBytes(
    method,
    placed(path),
    put,
    body === null ? null : Buffer.from(placed(body.toString('latin1')), 'latin1'),
  );
}

/** What is wrong with an answer; null: nothing. */
function answerFault({ method, path }: HttpInput, received: string): string | null {
  const answer = lastAnswer(received);
  if (answer === null) return 'no answer';
  const { status, head, body } = answer;
  const leak = path.startsWith('/metrics') ? null : leakIn(`${head}\n${body}`);
  if (leak !== null) return leak;
  if (status >= 500) return `status ${status}`;
  if (status < 400 || method === 'HEAD' || body === '' || path.startsWith('/socket.io')) return null;
  const problem = JSON.parse(body) as { status?: unknown; detail?: unknown };
  if (problem.status !== status) return 'another status inside';
  return errorFault({ ...problem, message: problem.detail });
}

describe('HTTP requests that mean harm', () => {
  it('are all answered, harm nobody, and tell nothing of what is inside', async () => {
    let sent = 0;
    const attempt = async (batch: readonly HttpInput[]): Promise<void> => {
      await begin();
      const exchanges = batch.map((input) => exchange(target.url, bytesOf(input)));
      await target.check();
      const patience = AbortSignal.timeout(15_000);
      const late = new Promise<null>((resolve) => patience.addEventListener('abort', () => resolve(null)));
      for (const [index, { received, drop }] of exchanges.entries()) {
        const text = await Promise.race([received, late]);
        const input = batch[index]!;
        const fault = text === null ? 'not answered' : answerFault(input, text);
        drop();
        if (fault !== null) {
          const asked = bytesOf(input).toString('latin1').slice(0, 1_500);
          throw new Error(`${fault}\nasked: ${asked}\nanswered: ${text?.slice(0, 1_500) ?? ''}`);
        }
      }
      sent += batch.length;
      if (sent > 500) await target.warm();
    };
    await fuzz(part(0.9), batchOf(httpInput), attempt, () => sent);
    process.stdout.write(`fuzz HTTP: ${sent} requests\n`);

    expect(sent).toBeGreaterThan(0);
  }, 600_000);

  it('that are hardly requests end at most their own connection', async () => {
    let sent = 0;
    const attempt = async (batch: readonly Buffer[]): Promise<void> => {
      await begin();
      const exchanges = batch.map((bytes) => exchange(target.url, bytes));
      await target.check();
      await target.check();
      for (const { received, drop } of exchanges) {
        drop();
        const leak = leakIn(await received);
        if (leak !== null) throw new Error(leak);
      }
      sent += batch.length;
    };
    await fuzz(part(0.1), batchOf(httpGarbage), attempt, () => sent);
    process.stdout.write(`fuzz HTTP: ${sent} that are hardly requests; ${await target.checkNothingLeft()}\n`);

    expect(sent).toBeGreaterThan(0);
  }, 600_000);
});
