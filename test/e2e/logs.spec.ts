import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ThreadcastError } from '../../src/errors/index.js';
import { PinoLogger } from '../../src/logs/index.js';
import { Gate } from '../../src/testing/index.js';
import { redactSecrets } from '../../src/threads/index.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

type Line = Readonly<Record<string, unknown>>;

const WEBHOOK_SECRET = 'webhook-secret-of-at-least-32-bytes-4711';
const PASSWORD = 'hunter2-Correct-Horse';
const API_KEY = 'sk-proj-abcdefghijklmnop1234';

let scripted: ScriptedServer;
let written: string[];

beforeEach(async () => {
  written = [];
  const destination = { write: (line: string): void => void written.push(line) };
  scripted = await ScriptedServer.start({
    logger: new PinoLogger('debug', { redact: redactSecrets, destination }),
    env: {
      OFFLINE_WEBHOOK_URL: 'http://127.0.0.1:1/told',
      OFFLINE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    },
  });
});

afterEach(() => scripted.close());

/** Every line has to be JSON of its own. */
const lines = (): Line[] => written.map((line) => JSON.parse(line) as Line);

/** The states that these lines tell of, in order, each with where it came from. */
function states(about: Line): unknown[] {
  const matching = lines().filter((line) => Object.entries(about).every(([field, value]) => line[field] === value));
  return matching.map(({ before, state }) => (before === undefined ? state : [before, state].join(' → ')));
}

describe('The log at debug', () => {
  it('tells every transition of a connection, with its ids and why it ended', async () => {
    const alice = await scripted.server.ready('alice');
    const { connectionId } = alice.frames[0]!.data;
    alice.close();
    const lost = scripted.server.connect({ auth: { token: 'forged' } });
    await lost.next('disconnect');
    const refused = lost.frames[0]!.data['connectionId'];
    await eventually('both have ended', () => lines().filter(({ state }) => state === 'closed').length === 2);

    const context = 'Connection';
    expect(states({ context, connectionId })).toEqual([
      'accepted',
      'accepted → authenticated',
      'authenticated → ready',
      'ready → closed',
    ]);
    expect(lines().filter((line) => line['connectionId'] === connectionId && line['state'] !== 'accepted')).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ userId: 'alice' }) as unknown),
    );
    expect(states({ context, connectionId: refused, reason: 'unauthenticated' })).toEqual(['accepted → closed']);
    expect(states({ context, connectionId, reason: 'client namespace disconnect' })).toEqual(['ready → closed']);
  });

  it('tells every transition of a following, with its ids and its position', async () => {
    const alice = await scripted.server.ready('alice');
    const { connectionId } = alice.frames[0]!.data;
    const threadId = await newThread(alice);
    await alice.ask('user_message', { threadId, content: 'hello' });
    await alice.next('agent_completed');
    await alice.ask('subscribe_thread', { threadId, after: 0 });
    await alice.next('thread_caught_up');
    await alice.ask('unsubscribe_thread', { threadId });

    const about = { context: 'Following', connectionId, threadId, userId: 'alice' };
    expect(states(about)).toEqual([
      'placed',
      'placed → replaying',
      'replaying → live',
      'placed',
      'live → closed',
      'placed → replaying',
      'replaying → live',
      'live → closed',
    ]);
    expect(states({ ...about, reason: 'repositioned' })).toEqual(['live → closed']);
    expect(states({ ...about, state: 'live', position: alice.events(threadId).at(-1)?.seq })).not.toEqual([]);
  });

  it('tells every transition of a run, with its ids, whoever ends it', async () => {
    const alice = await scripted.server.ready('alice');
    const threadId = await newThread(alice);
    const gate = new Gate();
    const asking = await scripted.run(
      alice,
      async ({ requestInput }) => ({ content: JSON.stringify(await requestInput({ prompt: 'Which?' })) }),
      {
        threadId,
      },
    );
    const waiting = await scripted.run(alice, () => gate.opened, { threadId });
    const { requestId } = (await alice.next('input_requested'))['data'] as { requestId: string };
    await alice.ask('provide_input', { runId: asking['runId'], requestId, value: 'this' });
    await alice.next('agent_completed');
    await alice.next('agent_started', (event) => event['runId'] === waiting['runId']);
    await alice.ask('stop_agent', { runId: waiting['runId'] });
    gate.open();

    const about = { threadId, userId: 'alice', agent: 'script' };
    expect(states({ ...about, runId: asking['runId'] })).toEqual([
      'queued',
      'running',
      'waiting_input',
      'running',
      'completed',
    ]);
    expect(states({ ...about, runId: waiting['runId'] })).toEqual(['queued', 'running', 'cancelled']);
  });

  it('names the connection, the user and the request of what went wrong, under the id that the client is told', async () => {
    const alice = await scripted.server.ready('alice');
    const { connectionId } = alice.frames[0]!.data;
    scripted.storage.before('transact', async () => {
      scripted.storage.before('transact', null);
      throw new Error('out of ideas');
    });
    const answer = await alice.request('create_thread', {});
    const errorId = answer.error?.details?.['errorId'];

    expect(answer.error?.code).toBe('internal');
    expect(lines()).toContainEqual(
      expect.objectContaining({ level: 50, connectionId, userId: 'alice', request: 'create_thread', errorId }),
    );
  });

  it('holds no secret that anybody has sent, and none of the settings', async () => {
    const { server } = scripted;
    const token = await server.token('alice');
    const alice = server.connect({ auth: { token } });
    await alice.next('connection_ready');
    const renewed = await server.token('alice', { roles: ['admin'] });
    await alice.ask('authenticate', { token: renewed });
    const forged = `${token.slice(0, -8)}deadbeef`;
    await alice.request('authenticate', { token: forged });
    const threadId = await newThread(alice);
    await alice.ask('user_message', { threadId, content: `my password is ${PASSWORD}`, metadata: { apiKey: API_KEY } });
    await alice.next('agent_completed');
    await scripted.run(
      alice,
      async ({ emit }) => {
        await emit('tool_executing', { toolCallId: '1', tool: 'login', args: { password: PASSWORD } });
        throw new Error(`it did not like password=${PASSWORD} and ${API_KEY}`);
      },
      { threadId },
    );
    await alice.next('agent_error');
    await alice.request('switch_thread', { threadId: PASSWORD });
    await alice.request(`login ${PASSWORD}`, { password: PASSWORD });
    await server.fetch('alice', `/api/threads/${PASSWORD}/events?token=${token}`);
    await fetch(`${server.url}/api/threads?access_token=${token}`, { headers: { Authorization: `Bearer ${forged}` } });
    scripted.storage.before('threads.access', async () => {
      throw new ThreadcastError('storage_unavailable', { cause: new Error(`postgres://me:${PASSWORD}@db is away`) });
    });
    await server.fetch('alice', `/api/threads/${threadId}`);
    scripted.storage.before('threads.access', null);
    alice.close();

    const all = written.join('');
    expect(all).toContain('is away');
    expect(lines().length).toBeGreaterThan(20);
    for (const secret of [token, renewed, forged, PASSWORD, API_KEY, WEBHOOK_SECRET]) {
      expect(all.split(secret).length - 1).toBe(0);
    }
  });
});
