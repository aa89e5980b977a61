import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { pollingBody, session, type Session } from './frames.js';
import { fuzz, fuzzRun } from './fuzz-run.js';
import { SOCKET_PATH } from './hand-client.js';
import { leakIn } from './leaks.js';
import { exchange, lastAnswer, requestBytes, type RawExchange } from './raw-http.js';
import { RawWebSocket } from './raw-web-socket.js';
import { Target } from './target.js';

const SESSIONS = 24;
const MAX_MESSAGE_BYTES = 65_536;
const HALF_OPEN = 3_000;
const MOST_HALF_OPEN = 200;

const run = fuzzRun('packets of transports', 0.2);
const part = (share: number) => ({ ...run, inputs: run.inputs * share });

const target = new Target({
  MAX_MESSAGE_BYTES: String(MAX_MESSAGE_BYTES),
  MAX_UNAUTHENTICATED_CONNECTIONS: String(MOST_HALF_OPEN),
  RATE_LIMIT_MESSAGES_PER_SEC: '1000000',
  RATE_LIMIT_BURST: '1000000',
});
let token: string;

/** What one client does by polling. */
interface PollingSession {
  readonly bodies: readonly Buffer[];
  readonly type: string;
  readonly method: string;
  /** It does not wait for the answers. */
  readonly atOnce: boolean;
  readonly ready: boolean;
}

const begin = async (): Promise<void> => {
  if (await target.ensure()) token = await target.token('mallory');
};

beforeAll(begin, 60_000);
afterAll(() => target.close());

/** Plays one session; gives back how to end it, and what was received. */
async function play({ begins, frames }: Session): Promise<{ socket: RawWebSocket; heard: string[] }> {
  const socket = await RawWebSocket.open(target.url, SOCKET_PATH);
  const heard: string[] = [];
  socket.onText = (text) => heard.push(text);
  if (begins === 'connection') socket.sendText('40');
  if (begins === 'ready') socket.sendText(`40${JSON.stringify({ token })}`);
  for (const frame of frames) socket.send(frame);
  return { socket, heard };
}

/** What the server has read when this resolves was sent before it was called. */
const fence = async (): Promise<void> => {
  await target.check();
  await target.check();
};

const expectNoLeak = (texts: readonly string[]): void => {
  for (const text of texts) {
    const leak = leakIn(text);
    if (leak !== null) throw new Error(leak);
    if (text.includes('"code":"internal"')) throw new Error(`An error of the server: ${text.slice(0, 500)}`);
  }
};

describe('WebSocket frames and packets that mean harm', () => {
  it('end at most their own connection', async () => {
    let sent = 0;
    const attempt = async (sessions: readonly Session[]): Promise<void> => {
      await begin();
      const played = await Promise.all(sessions.map(play));
      await fence();
      for (const { socket, heard } of played) {
        socket.drop();
        expectNoLeak(heard);
      }
      sent += sessions.reduce((sum, { frames }) => sum + frames.length, 0);
      if (sent > 500) await target.warm();
    };
    const sessions = fc.array(session, { minLength: 1, maxLength: SESSIONS, size: 'max' });
    await fuzz(part(0.8), sessions, attempt, () => sent);
    process.stdout.write(`fuzz packets: ${sent} frames\n`);

    expect(sent).toBeGreaterThan(0);
  }, 600_000);
});

describe('Bodies of polling that mean harm', () => {
  const path = '/socket.io/?EIO=4&transport=polling';
  const types = [
    'text/plain;charset=UTF-8',
    'application/octet-stream',
    'application/json',
    'text/plain; charset=utf-16',
  ];

  const poll = (method: string, query: string, type: string, body: Buffer | null): RawExchange =>
    exchange(
      target.url,
      requestBytes(
        method,
        `${path}${query}`,
        [
          ['Host', 'x'],
          ['Content-Type', type],
        ],
        body,
      ),
    );

  /** Plays one session; `end` ends it, and gives back what was received. */
  async function playByPolling(session: PollingSession): Promise<{ end: () => Promise<string[]> }> {
    const { bodies, type, method, atOnce, ready } = session;
    const opened = lastAnswer(await poll('GET', '', types[0]!, null).received);
    const [, sid] = /"sid":"([^"]+)"/.exec(opened?.body ?? '') ?? [];
    const query = `&sid=${sid ?? 'none'}`;
    if (ready) await poll('POST', query, types[0]!, Buffer.from(`40${JSON.stringify({ token })}`)).received;
    const open: RawExchange[] = [];
    for (const body of bodies) {
      const exchanged = poll(method, query, type, body);
      open.push(exchanged);
      // A poll is answered when there is something to say.
      if (!atOnce && method !== 'GET') await exchanged.received;
    }
    open.push(poll('GET', query, types[0]!, null));
    const end = async (): Promise<string[]> => {
      for (const exchanged of open) exchanged.drop();
      // Whoever polls and goes silent is only missed after a while.
      await poll('POST', query, types[0]!, Buffer.from('1')).received;
      return Promise.all(open.map(({ received }) => received));
    };
    return { end };
  }

  it('are answered, and end at most their own connection', async () => {
    let sent = 0;
    const polling: fc.Arbitrary<PollingSession> = fc.record({
      bodies: fc.array(pollingBody, { minLength: 1, maxLength: 4, size: 'max' }),
      type: fc.constantFrom(types[0]!, ...types),
      method: fc.constantFrom('POST', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'GET'),
      atOnce: fc.boolean(),
      ready: fc.boolean(),
    });
    const attempt = async (sessions: readonly PollingSession[]): Promise<void> => {
      await begin();
      const played = await Promise.all(sessions.map(playByPolling));
      await fence();
      const received = await Promise.all(played.map((one) => one.end()));
      for (const texts of received) expectNoLeak(texts);
      sent += sessions.reduce((sum, { bodies }) => sum + bodies.length, 0);
    };
    await fuzz(part(0.2), fc.array(polling, { minLength: 1, maxLength: 16, size: 'max' }), attempt, () => sent);
    process.stdout.write(`fuzz packets: ${sent} bodies\n`);

    expect(sent).toBeGreaterThan(0);
  }, 600_000);
});

describe('Thousands of handshakes that go no further', () => {
  it('keep nobody out and leave nothing behind', async () => {
    await begin();
    for (let opened = 0; opened < HALF_OPEN; opened += 250) {
      const polls = Array.from({ length: 150 }, () =>
        exchange(target.url, requestBytes('GET', '/socket.io/?EIO=4&transport=polling', [['Host', 'x']], null)),
      );
      const sockets = await Promise.all(Array.from({ length: 100 }, () => RawWebSocket.open(target.url, SOCKET_PATH)));
      const partial = Array.from({ length: 20 }, () =>
        exchange(target.url, Buffer.from('GET /socket.io/?EIO=4 HTTP/1.1\r\nHo')),
      );
      await fence();
      for (const { received } of polls) expectNoLeak([await received]);
      for (const socket of sockets) socket.drop();
      for (const { drop } of partial) drop();
    }
    expect(await target.metric('threadcast_gateway_half_open_transports')).toBeLessThanOrEqual(MOST_HALF_OPEN);
    const left = await target.checkNothingLeft();
    process.stdout.write(`fuzz packets: ${HALF_OPEN} handshakes that go no further; ${left}\n`);
  }, 120_000);
});
