import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { fuzz, fuzzRun } from './fuzz-run.js';
import { HandClient, type HandRequest } from './hand-client.js';
import { PLACES } from './json-text.js';
import { errorFault, leakIn } from './leaks.js';
import { request } from './requests.js';
import { Target } from './target.js';

const BATCH = 100;
const WARM_BATCHES = 50;

const run = fuzzRun('requests over sockets', 0.5);

const target = new Target({
  MAX_MESSAGE_BYTES: '65536',
  PENDING_MAX_MESSAGES: '1000',
  PENDING_MAX_BYTES: '8388608',
  RATE_LIMIT_MESSAGES_PER_SEC: '1000000',
  RATE_LIMIT_BURST: '1000000',
  RUN_TIMEOUT_MS: '1000',
  MAX_QUEUED_RUNS_PER_THREAD: '5',
});
const clients: Hostile[] = [];

/** Somebody with a token who means harm, and what there is to harm. */
class Hostile {
  private constructor(
    private readonly client: HandClient,
    private readonly places: Readonly<Record<(typeof PLACES)[number], string>>,
  ) {}

  static async arrive(userId: string): Promise<Hostile> {
    const client = await HandClient.connect(target.url, await target.token(userId));
    const { threadId } = await client.ask('create_thread', {});
    const asked = client.event('input_requested');
    const { runId } = await client.ask('start_agent', { threadId, agent: 'echo', input: { ask: 'What?' } });
    const [, requestId] = /"requestId":"([^"]+)"/.exec(await asked) ?? [];
    return new Hostile(client, {
      '@thread@': String(threadId),
      '@run@': String(runId),
      '@request@': String(requestId),
      '@foreign@': target.witness.threadId,
      '@foreign-run@': target.witness.waitingRunId,
    });
  }

  /** Sends them all at once. Rejects with what was not answered, or answered badly. */
  async send(requests: readonly HandRequest[]): Promise<void> {
    const patience = AbortSignal.timeout(15_000);
    const late = new Promise<'late'>((resolve) => patience.addEventListener('abort', () => resolve('late')));
    const answers = requests.map((one) => this.client.request(this.#placed(one)));
    for (const [index, answer] of answers.entries()) {
      const text = await Promise.race([answer, late]);
      if (text === 'late') throw new Error(`Not answered: ${shown(requests[index])}`);
      if (text === null && requests[index]?.wantsAnswer === true) {
        throw new Error(`The connection ended before the answer to ${shown(requests[index])}`);
      }
      const fault = text === null ? null : answerFault(text);
      if (fault !== null) throw new Error(`${fault}\nasked: ${shown(requests[index])}\nanswered: ${text ?? ''}`);
    }
    await this.client.ask('ping', {});
    for (const text of this.client.events.splice(0)) {
      const fault = leakIn(text) ?? (text.startsWith('42["exception"') ? exceptionFault(text) : null);
      if (fault !== null) throw new Error(`${fault}\ntold: ${text.slice(0, 2_000)}`);
    }
  }

  leave(): void {
    this.client.socket.drop();
  }

  #placed({ parts, ...rest }: HandRequest): HandRequest {
    const put = (text: string): string =>
      PLACES.reduce((done, place) => done.replaceAll(place, this.places[place]), text);
    return { ...rest, parts: parts.map(put) };
  }
}

function answerFault(text: string): string | null {
  const answers = JSON.parse(text) as readonly { readonly ok?: unknown; readonly error?: unknown }[];
  if (answers.length !== 1) return 'several answers';
  if (answers[0]?.ok === true) return leakIn(text);
  return leakIn(text) ?? errorFault(answers[0]?.error);
}

function exceptionFault(text: string): string | null {
  const [, data] = JSON.parse(text.slice(2)) as [string, { error?: unknown }];
  return errorFault(data.error);
}

function shown(one: HandRequest | undefined): string {
  return (one?.parts ?? []).join(', ').slice(0, 1_000);
}

async function arriveAll(): Promise<void> {
  for (const hostile of clients.splice(0)) hostile.leave();
  // Two of them are the same user.
  for (let n = 0; n < 3; n += 1) clients.push(await Hostile.arrive(`mallory${n % 2}`));
}

beforeAll(async () => {
  await target.ensure();
  await arriveAll();
}, 60_000);

afterAll(async () => {
  for (const hostile of clients) hostile.leave();
  await target.close();
});

describe('Requests that mean harm', () => {
  it('are all answered, harm nobody, and tell nothing of what is inside', async () => {
    let batches = 0;
    let sent = 0;
    const attempt = async (batchOfEach: readonly (readonly HandRequest[])[]): Promise<void> => {
      if (await target.ensure()) await arriveAll();
      const answered = batchOfEach.map((requests, n) => clients[n]?.send(requests));
      await Promise.all([...answered, target.check()]);
      sent += batchOfEach.reduce((sum, requests) => sum + requests.length, 0);
      batches += 1;
      if (batches === WARM_BATCHES) await target.warm();
      // What a connection may hold is bounded; so that this does not hide anything, it is a new one now and then.
      if (batches % 100 === 0) await arriveAll();
    };
    const batch = fc.array(request, { minLength: 1, maxLength: BATCH, size: 'max' });
    await fuzz(run, fc.tuple(batch, batch, batch), attempt, () => sent);
    for (const hostile of clients) hostile.leave();
    const left = await target.checkNothingLeft();
    process.stdout.write(`fuzz requests: ${sent} requests, all answered; ${left}\n`);

    expect(sent).toBeGreaterThanOrEqual(run.inputs);
  }, 600_000);
});
