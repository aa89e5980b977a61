import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ReceivedEvent } from './event-source-client.js';
import { HttpApp, type User } from './http-app.js';

let app: HttpApp;
let alice: User;
let bob: User;

beforeAll(async () => {
  app = await HttpApp.start({ http: { slowConsumerBytes: 4_096 } });
  alice = await app.as('alice');
  bob = await app.as('bob');
});

afterAll(() => app.close());

/** Seqs that a stream or page covered, event by event. */
function covered(events: readonly { from?: number; seq: number }[]): [number, number][] {
  return events.map(({ from, seq }) => [from ?? seq, seq]);
}

function expectGapless(events: readonly { from?: number; seq: number }[], first: number, last: number): void {
  let next = first;
  for (const [from, seq] of covered(events)) {
    expect(from).toBe(next);
    next = seq + 1;
  }
  expect(next - 1).toBe(last);
}

describe('The events of a thread, page by page', () => {
  let threadId: string;
  let head: number;

  beforeAll(async () => {
    threadId = await alice.thread();
    await alice.converse(threadId, 'a b c d e f g h');
    head = (await alice.get(`/api/threads/${threadId}`)).body.head;
  });

  it('are read forwards to the head', async () => {
    const read: { seq: number }[] = [];
    let after: number | null = 0;
    while (after !== null) {
      const { body } = await alice.get(`/api/threads/${threadId}/events?after=${after}&limit=3`);
      expect(body).toMatchObject({ head, epoch: expect.any(String) });
      read.push(...body.events);
      after = body.nextAfter as number | null;
    }

    expectGapless(read, 1, head);
    expect(read[0]).toEqual({
      threadId,
      seq: 1,
      type: 'message_created',
      time: expect.any(Number),
      data: expect.objectContaining({ content: 'a b c d e f g h' }),
    });
  });

  it('are read backwards from the end', async () => {
    const { body } = await alice.get(`/api/threads/${threadId}/events?before=${head + 1}&limit=2`);

    expectGapless(body.events, head - 1, head);
  });

  it('are merged in the compact view', async () => {
    const { body } = await alice.get(`/api/threads/${threadId}/events?view=compact&limit=5000`);
    const events = body.events as ReceivedEvent[];
    const deltas = events.filter((event) => event.type === 'agent_delta');

    expectGapless(events, 1, head);
    expect(deltas.map((delta) => delta.data.text as string)).toEqual(['a b c d e f g h']);
  });

  it.each([
    ['?after=-1', 'after'],
    ['?after=1.5', 'after'],
    ['?before=0', 'before'],
    ['?limit=0', 'limit'],
    ['?view=all', 'view'],
  ])('are refused for %s', async (query, field) => {
    expect(await alice.get(`/api/threads/${threadId}/events${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field }] } },
    });
  });

  it('are refused beyond the head', async () => {
    expect(await alice.get(`/api/threads/${threadId}/events?after=${head + 1}`)).toMatchObject({
      status: 409,
      body: { code: 'cursor_invalid', details: { head, epoch: expect.any(String) } },
    });
  });
});

describe('The events of a thread, as a stream', () => {
  it('are replayed from the first and go on live, without a gap', async () => {
    const threadId = await alice.thread();
    await alice.converse(threadId, 'before');
    const { head, epoch } = (await alice.get(`/api/threads/${threadId}`)).body;
    const stream = alice.follow(threadId);
    await stream.comment(`caught up ${head}`);
    const { runId } = await alice.converse(threadId, 'after');
    const last = await stream.event((event) => event.runId === runId && event.type === 'agent_completed');

    expect((await stream.opened).headers['content-type']).toMatch(/^text\/event-stream/);
    expectGapless(stream.events, 1, last.seq);
    expect(stream.ids).toEqual(stream.events.map(({ seq }) => `${epoch}:${seq}`));
  });

  it.each([
    ['Last-Event-ID with its epoch', '', '{epoch}:2'],
    ['a bare Last-Event-ID', '', '2'],
    ['after', '?after=2', ''],
    ['after and its epoch', '?after=2&epoch={epoch}', ''],
    ['Last-Event-ID before after', '?after=1', '2'],
  ])('go on after %s', async (_what, query, lastEventId) => {
    const threadId = await alice.thread();
    await alice.converse(threadId, 'hello');
    const { head, epoch } = (await alice.get(`/api/threads/${threadId}`)).body;
    const inLog = (text: string) => text.replace('{epoch}', epoch as string);
    const stream = alice.follow(threadId, inLog(query), { 'Last-Event-ID': inLog(lastEventId) });
    await stream.comment(`caught up ${head}`);

    expectGapless(stream.events, 3, head);
  });

  it.each([
    ['a position beyond the head', { 'Last-Event-ID': '99' }, 409, 'cursor_invalid'],
    ['a position of another log', { 'Last-Event-ID': 'elsewhere:0' }, 409, 'cursor_invalid'],
    ['a position that is none', { 'Last-Event-ID': 'yesterday' }, 400, 'invalid_payload'],
  ])('are refused for %s', async (_what, headers, status, code) => {
    const stream = alice.follow(await alice.thread(), '', headers);
    await stream.ended;

    expect((await stream.opened).statusCode).toBe(status);
    expect((await stream.opened).headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(stream.body)).toMatchObject({ code });
  });

  it('end for a user who is taken out, before the event that says so', async () => {
    const threadId = await alice.thread();
    await alice.call('PUT', `/api/threads/${threadId}/members/bob`);
    const [own, theirs] = [alice.follow(threadId), bob.follow(threadId)];
    await Promise.all([own.comment('caught up 1'), theirs.comment('caught up 1')]);
    await alice.call('DELETE', `/api/threads/${threadId}/members/bob`);
    await theirs.ended;
    await own.event((event) => event.seq === 2);

    expectGapless(theirs.events, 1, 1);
    expect(theirs.comments.at(-1)).toBe('detached access_removed');
    const again = bob.follow(threadId);
    await again.ended;
    expect((await again.opened).statusCode).toBe(404);
  });

  it('end when the thread is deleted', async () => {
    const threadId = await alice.thread();
    const stream = alice.follow(threadId);
    await stream.comment('caught up 0');
    await alice.call('DELETE', `/api/threads/${threadId}`);
    await stream.ended;

    expect(stream.comments).toEqual(['caught up 0', 'detached deleted']);
  });

  it('reach a client that stops reading and goes on, complete and in order', async () => {
    const threadId = await alice.thread();
    const slow = alice.follow(threadId);
    await slow.comment('caught up 0');
    const response = await slow.opened;
    response.pause();
    const text = `${'x'.repeat(2_000)} `.repeat(4);
    const { runId } = (
      await alice.post(`/api/threads/${threadId}/runs`, { agent: 'echo', input: { text, repeat: 600 } })
    ).body;
    const fast = alice.follow(threadId);
    const end = await fast.event((event) => event.runId === runId && event.type === 'agent_completed');
    response.resume();
    await slow.event((event) => event.seq === end.seq);

    expectGapless(slow.events, 1, end.seq);
    expect(await app.metrics.value('threadcast_delivery_behind_total', {})).toBeGreaterThan(0);
  });
});
