import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectionRegistry } from '../../src/gateway/connection-registry.js';
import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { newThread } from './scripted-server.js';
import { tcpOf } from './slow-kit.js';

const SLOW_BYTES = 65_536;
/** Beside the bound: one page of the log, and the frames around it. */
const PAGE_BYTES = 65_536 + 262_144;
const WORD = `${'x'.repeat(999)} `;
const BURST_WORDS = 8_000;

let server: TestServer;
let fast: TestClient;
let slow: TestClient;
let threadId: string;

beforeEach(async () => {
  server = await TestServer.start({ env: { SLOW_CONSUMER_BYTES: String(SLOW_BYTES) } });
  fast = await server.ready('alice', { patienceMs: 25_000 });
  slow = await server.ready('alice', { patienceMs: 25_000 });
  threadId = await newThread(fast);
  for (const client of [fast, slow]) {
    await client.ask('subscribe_thread', { threadId, after: 0 });
    await client.next('thread_caught_up');
  }
});

afterEach(() => server.close());

/** One long answer, until the reader that does not pause has it; what is unsent is looked at at each commit. */
async function burst(): Promise<void> {
  const { runId } = await fast.ask('start_agent', {
    ...{ threadId, agent: 'echo', input: { text: WORD, repeat: BURST_WORDS } },
  });
  await fast.next('agent_completed', (event) => event['runId'] === runId);
}

const behind = (): Promise<number> => server.metrics.value('threadcast_delivery_behind_total', {});
const inState = (state: string): Promise<number> => server.metrics.value('threadcast_delivery_attachments', { state });
const unsent = (): number[] =>
  server
    .get(ConnectionRegistry)
    .all()
    .map(({ outbox }) => outbox.unsent);

/** Bursts until the buffers of the kernel are full and the paused reader has been left behind. */
async function leaveBehind(): Promise<number> {
  let bursts = 0;
  while ((await inState('behind')) === 0 && bursts < 10) {
    await burst();
    bursts += 1;
  }
  return bursts;
}

describe('A reader that does not read', () => {
  it('is left behind without a burden for anybody, and reads on from the log to the whole of it', async () => {
    tcpOf(slow).pause();
    const bursts = await leaveBehind();
    expect(await inState('behind')).toBe(1);
    expect(await behind()).toBeGreaterThan(0);
    checkContiguous(fast.events(threadId));
    expect(deltaText(fast.events(threadId))).toBe(WORD.repeat(BURST_WORDS * bursts));
    await burst();
    for (const bytes of unsent()) expect(bytes).toBeLessThan(SLOW_BYTES + PAGE_BYTES);
    expect(await server.metrics.value('threadcast_gateway_unsent_bytes', {})).toBeGreaterThanOrEqual(SLOW_BYTES / 2);
    const seen = slow.frames.filter(({ name }) => name === 'thread_caught_up').length;

    tcpOf(slow).resume();
    const head = fast.events(threadId).at(-1)!.seq;
    await slow.next('agent_completed', (event) => event['seq'] === head);
    await slow.next('thread_caught_up', (data) => data['head'] === head);

    checkContiguous(slow.events(threadId));
    expect(deltaText(slow.events(threadId))).toBe(WORD.repeat(BURST_WORDS * (bursts + 1)));
    expect(slow.frames.filter(({ name }) => name === 'thread_caught_up').length).toBeGreaterThan(seen);
    expect(await inState('live')).toBe(2);
    expect(await server.metrics.value('threadcast_delivery_events_total', { way: 'behind' })).toBeGreaterThan(0);
  });

  it('is live again afterwards, and its requests keep their order', async () => {
    tcpOf(slow).pause();
    await leaveBehind();
    const asked = slow.ask('ping');
    tcpOf(slow).resume();
    await asked;
    const head = fast.events(threadId).at(-1)!.seq;
    await slow.next('thread_caught_up', (data) => data['head'] === head);
    await slow.ask('user_message', { threadId, content: 'I am back' });
    await slow.next('agent_completed', (event) => Number(event['seq']) > head);

    checkContiguous(slow.events(threadId));
  });

  it('that goes away while it is behind leaves nothing', async () => {
    tcpOf(slow).pause();
    await leaveBehind();
    tcpOf(slow).destroy();
    slow.close();
    await fast.ask('unsubscribe_thread', { threadId });
    const registry = server.get(ConnectionRegistry);
    while (registry.all().length > 1) await fast.fence();

    for (const state of ['placed', 'replaying', 'live', 'behind']) expect(await inState(state)).toBe(0);
    expect(await server.metrics.value('threadcast_delivery_channels', {})).toBe(0);
  });
});
