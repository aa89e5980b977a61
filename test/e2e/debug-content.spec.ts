import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { TestServer, type TestClient } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';

/** In everything that a user says, names, answers or gives to a tool. */
const WORD = 'xylophone';

let server: TestServer;
let alice: TestClient;
let token: string;
let paths: string[];

/** Every kind of content there is: title, metadata, message, input, prompt, answer, tool arguments, reasons, a token. */
beforeAll(async () => {
  server = await TestServer.start();
  token = await server.token('alice');
  alice = server.connect({ auth: { token } });
  await alice.next('connection_ready');
  const bob = await server.ready('bob');
  const thread = { title: `${WORD} title`, metadata: { key: WORD, [WORD]: 1 } };
  const threadId = (await alice.ask('create_thread', thread))['threadId'] as string;
  await server.fetch('alice', `/api/threads/${threadId}/members/bob`, { method: 'PUT' });
  for (const client of [alice, bob]) await client.ask('subscribe_thread', { threadId, after: 0 });

  const message = { threadId, content: `say ${WORD}`, metadata: { note: WORD, echo: { ask: `${WORD}?` } } };
  const { runId: asked } = await alice.ask('user_message', message);
  const { data } = await alice.next('input_requested');
  const { requestId } = data as { requestId: string };
  await alice.ask('provide_input', { runId: asked, requestId, value: `my ${WORD}` });
  const { seq } = await alice.next('agent_completed');
  const { runId: stopped } = await alice.ask('start_agent', {
    threadId,
    agent: 'echo',
    input: { text: WORD, ask: WORD },
  });
  await alice.ask('stop_agent', { runId: stopped, reason: WORD });
  const { runId: waiting } = await alice.ask('start_agent', {
    threadId,
    agent: 'echo',
    input: { text: '', ask: WORD },
  });
  await alice.next('input_requested', (event) => event['runId'] === waiting);
  const { runId: queued } = await alice.ask('start_agent', { threadId, agent: 'echo', input: WORD });
  const stranger = server.connect();
  await stranger.next('connection_accepted');
  stranger.socket.emit('user_message', { content: WORD });

  const connectionId = alice.frames[0]?.data['connectionId'] as string;
  const head = Number(seq) + 4;
  paths = [
    '/debug/connections',
    `/debug/connections/${connectionId}`,
    `/debug/threads/${threadId}`,
    ...[asked, stopped, waiting, queued].map((runId) => `/debug/runs/${String(runId)}`),
    '/debug/delivery',
    `/debug/resolve?runId=${String(asked)}`,
    ...Array.from({ length: head }, (_, n) => `/debug/explain?threadId=${threadId}&userId=bob&seq=${n + 1}`),
  ];
});

afterAll(() => server.close());

describe('What admins are shown', () => {
  it('has no content anywhere', async () => {
    for (const path of paths) {
      const { status, text } = await askDebug(server, path);
      expect({ path, status }).toEqual({ path, status: 200 });
      expect({ path, told: text.includes(WORD) || text.includes(token) }).toEqual({ path, told: false });
    }
    expect(JSON.stringify(alice.frames)).toContain(WORD);
  });

  it('opens nobody’s thread to them', async () => {
    const [, , thread = ''] = paths;
    const path = thread.replace('/debug/', '/api/');

    expect(await askDebug(server, path)).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
  });
});
