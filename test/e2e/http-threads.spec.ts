import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { HttpApp, type User } from './http-app.js';

let app: HttpApp;
let alice: User;
let bob: User;

beforeAll(async () => {
  app = await HttpApp.start();
  alice = await app.as('alice');
  bob = await app.as('bob');
});

afterAll(() => app.close());

describe('Threads over HTTP', () => {
  it('are made, read, changed and listed', async () => {
    const made = await alice.post('/api/threads', { title: 'Plans', metadata: { colour: 'red' } });
    const { threadId } = made.body;

    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      threadId: expect.stringMatching(/^thread_[0-9a-f]{16}$/),
      title: 'Plans',
      metadata: { colour: 'red' },
      ownerId: 'alice',
      members: [],
      head: 0,
      epoch: expect.any(String),
      cursor: 0,
      activeRuns: 0,
      createdAt: expect.any(Number),
      updatedAt: expect.any(Number),
      duplicate: false,
    });

    const changed = await alice.call('PATCH', `/api/threads/${threadId}`, { title: null });
    expect(changed).toMatchObject({
      status: 200,
      body: { threadId, title: null, metadata: { colour: 'red' }, head: 1 },
    });
    expect((await alice.get(`/api/threads/${threadId}`)).body).toEqual(changed.body);
    expect((await alice.get('/api/threads')).body.threads).toContainEqual(changed.body);
  });

  it('are made without a body', async () => {
    expect((await alice.post('/api/threads')).status).toBe(201);
  });

  it('keep a chosen id: again it is a duplicate, for somebody else it is taken', async () => {
    const again = { thread_id: 'thread_chosen-1' };
    const first = await alice.post('/api/threads', { payload: again });
    const second = await alice.post('/api/threads', again);
    const others = await bob.post('/api/threads', again);

    expect(first).toMatchObject({ status: 201, body: { threadId: 'thread_chosen-1', duplicate: false } });
    expect(second).toMatchObject({ status: 200, body: { duplicate: true, epoch: first.body.epoch } });
    expect(others).toMatchObject({ status: 409, body: { code: 'already_exists' } });
  });

  it('are listed page by page', async () => {
    const carol = await app.as('carol');
    const made = [await carol.thread(), await carol.thread(), await carol.thread()];
    const first = await carol.get('/api/threads?limit=2');
    const rest = await carol.get(`/api/threads?limit=2&cursor=${encodeURIComponent(first.body.nextCursor)}`);
    const ids = [...first.body.threads, ...rest.body.threads].map((thread: { threadId: string }) => thread.threadId);

    expect(first.body.threads).toHaveLength(2);
    expect(rest.body.nextCursor).toBeNull();
    expect(ids.sort()).toEqual(made.sort());
  });

  it.each([
    ['an id that is no text', 'POST', '', { threadId: 5 }, 'threadId'],
    ['a title that is no text', 'POST', '', { title: 5 }, 'title'],
    ['a title that is too long', 'POST', '', { title: 'x'.repeat(501) }, 'title'],
    ['metadata that is a list', 'POST', '', { metadata: [] }, 'metadata'],
    ['too much metadata', 'POST', '', { metadata: { x: 'x'.repeat(65_536) } }, 'metadata'],
    ['metadata taken away with null', 'PATCH', '/thread_none', { metadata: null }, 'metadata'],
    ['an id in two spellings', 'POST', '', { threadId: 'thread_a', thread_id: 'thread_b' }, 'threadId'],
    ['an id that is not the one in the path', 'PATCH', '/thread_none', { threadId: 'thread_other' }, 'threadId'],
    ['a cursor given twice', 'GET', '?cursor=a&cursor=b', undefined, 'cursor'],
    ['a cursor that no page has given', 'GET', '?cursor=zzz', undefined, 'cursor'],
    ['a limit of nothing', 'GET', '?limit=0', undefined, 'limit'],
    ['a limit that is no number', 'GET', '?limit=ten', undefined, 'limit'],
  ])('refuse %s', async (_what, method, path, body, field) => {
    expect(await alice.call(method, `/api/threads${path}`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field, message: expect.any(String) }] } },
    });
  });

  it.each([['thread_'], ['thread_a__b'], ['other_a'], ['%20thread_a']])('refuse the id %s', async (id) => {
    expect(await alice.get(`/api/threads/${id}`)).toMatchObject({ status: 400, body: { code: 'invalid_id' } });
    expect(await alice.post('/api/threads', { threadId: decodeURIComponent(id) })).toMatchObject({
      status: 400,
      body: { code: 'invalid_id' },
    });
  });

  it('refuse a body that is no JSON object', async () => {
    for (const body of ['[]', '{', '"text"']) {
      expect(await alice.post('/api/threads', body)).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    }
    expect(await alice.call('POST', '/api/threads', 'title=x', { 'Content-Type': 'text/plain' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload' },
    });
  });
});

describe('A thread of somebody else', () => {
  const REQUESTS: [string, string, unknown][] = [
    ['GET', '', undefined],
    ['PATCH', '', { title: 'mine' }],
    ['DELETE', '', undefined],
    ['PUT', '/members/bob', undefined],
    ['DELETE', '/members/alice', undefined],
    ['GET', '/events', undefined],
    ['GET', '/events?after=7', undefined],
    ['POST', '/messages', { content: 'hello' }],
    ['POST', '/runs', { agent: 'echo', input: 'hello' }],
  ];

  it.each(REQUESTS)('is answered word for word as none: %s %s', async (method, path, body) => {
    const foreign = await alice.thread();
    const none = 'thread_0000000000000000';
    const toForeign = await bob.call(method, `/api/threads/${foreign}${path}`, body);
    const toNone = await bob.call(method, `/api/threads/${none}${path}`, body);

    expect(toForeign).toMatchObject({ status: 404, body: { code: 'thread_not_found' } });
    expect(toForeign.body).toEqual(toNone.body);
    expect((await alice.get(`/api/threads/${foreign}`)).body).toMatchObject({ head: 0, members: [] });
  });

  it('answers a stream that is asked for as none', async () => {
    const foreign = bob.follow(await alice.thread());
    const none = bob.follow('thread_0000000000000000');
    await Promise.all([foreign.ended, none.ended]);

    expect((await foreign.opened).statusCode).toBe(404);
    expect(foreign.body).toBe(none.body);
  });
});

describe('Sharing over HTTP', () => {
  it('opens a thread to a member, who may not share, rename or delete it', async () => {
    const threadId = await alice.thread();
    const shared = await alice.call('PUT', `/api/threads/${threadId}/members/bob`);

    expect(shared).toMatchObject({ status: 200, body: { members: ['bob'], head: 1 } });
    expect((await bob.get(`/api/threads/${threadId}`)).body).toMatchObject({ ownerId: 'alice', members: ['bob'] });
    expect((await bob.get('/api/threads')).body.threads).toMatchObject([{ threadId }]);
    for (const [method, path, body] of [
      ['PUT', '/members/carol', undefined],
      ['DELETE', '/members/bob', undefined],
      ['PATCH', '', { title: 'x' }],
      ['DELETE', '', undefined],
    ] as const) {
      expect(await bob.call(method, `/api/threads/${threadId}${path}`, body)).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
    }
  });

  it('does the same when it is repeated', async () => {
    const threadId = await alice.thread();
    const member = `/api/threads/${threadId}/members/${encodeURIComponent('bob+carol@example.com')}`;
    await alice.call('PUT', member);

    expect((await alice.call('PUT', member)).body).toMatchObject({ members: ['bob+carol@example.com'], head: 1 });
    expect((await alice.call('DELETE', member)).body).toMatchObject({ members: [], head: 2 });
    expect((await alice.call('DELETE', member)).body).toMatchObject({ members: [], head: 2 });
  });

  it('ends with the membership', async () => {
    const threadId = await alice.thread();
    await alice.call('PUT', `/api/threads/${threadId}/members/bob`);
    await alice.call('DELETE', `/api/threads/${threadId}/members/bob`);

    expect(await bob.get(`/api/threads/${threadId}`)).toMatchObject({ status: 404 });
    expect(await bob.get(`/api/threads/${threadId}/events`)).toMatchObject({ status: 404 });
  });

  it('refuses what can be no user', async () => {
    const threadId = await alice.thread();

    expect(await alice.call('PUT', `/api/threads/${threadId}/members/${'x'.repeat(257)}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_payload', details: { fields: [{ field: 'userId' }] } },
    });
  });
});

describe('Deleting over HTTP', () => {
  it('leaves nothing for anybody, and the id to its owner alone', async () => {
    const threadId = await alice.thread({ threadId: 'thread_deleted-1' });
    const { epoch } = (await alice.get(`/api/threads/${threadId}`)).body;
    await alice.call('PUT', `/api/threads/${threadId}/members/bob`);
    const { runId } = await alice.converse(threadId, 'hello');

    expect(await alice.call('DELETE', `/api/threads/${threadId}`)).toMatchObject({ status: 204, body: undefined });

    for (const user of [alice, bob]) {
      expect(await user.get(`/api/threads/${threadId}`)).toMatchObject({ status: 404 });
      expect(await user.get(`/api/threads/${threadId}/events`)).toMatchObject({ status: 404 });
    }
    expect(await alice.get(`/api/runs/${runId}`)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
    expect(await bob.post('/api/threads', { threadId })).toMatchObject({ status: 409 });
    const again = await alice.post('/api/threads', { threadId });
    expect(again).toMatchObject({ status: 201, body: { head: 0, members: [] } });
    expect(again.body.epoch).not.toBe(epoch);
  });
});
