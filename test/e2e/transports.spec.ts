import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TestServer, checkContiguous, deltaText, type TestClient } from '../../src/testing/index.js';
import { eventually, expectNothingLeft } from './gateway-kit.js';
import { ask } from './startup-wire.js';

describe('A client', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  const transportOf = (client: TestClient): string => client.socket.io.engine.transport.name;

  const expectServed = async (client: TestClient, text: string): Promise<void> => {
    const { threadId, runId } = await client.ask('user_message', { content: text });
    await client.next('agent_completed', (data) => data['runId'] === runId);
    const events = client.events(threadId);
    checkContiguous(events);
    expect(deltaText(events.filter((event) => event.runId === runId))).toBe(text);
  };

  it('with the default transports begins by polling, upgrades, and misses nothing on the way', async () => {
    const bob = await server.ready('bob', { transports: ['polling', 'websocket'] });
    const token = await server.token('alice');
    const alice = server.connect({ transports: ['polling', 'websocket'], auth: { token } });
    const { threadId } = await alice.ask('create_thread', {});
    await alice.ask('switch_thread', { threadId });
    const text = 'word after word '.repeat(200);
    await alice.ask('user_message', { content: text });
    await eventually('the upgrade', () => transportOf(alice) === 'websocket');
    await alice.next('agent_completed');

    checkContiguous(alice.events(threadId));
    expect(deltaText(alice.events(threadId))).toBe(text);
    await expectServed(alice, 'and on');
    await bob.fence();
    expect(bob.events(threadId)).toEqual([]);
  });

  it.each(['websocket', 'polling'])('with %s alone is served', async (transport) => {
    const alice = await server.ready('alice', { transports: [transport] });
    const bob = await server.ready('bob', { transports: [transport] });
    await Promise.all([expectServed(alice, 'I am alice'), expectServed(bob, 'I am bob')]);

    expect(transportOf(alice)).toBe(transport);
    expect(alice.names().filter((name) => name === 'connection_ready')).toHaveLength(1);
    for (const client of [alice, bob]) client.close();
    await expectNothingLeft(server);
  });

  it('that offers a subprotocol is served', async () => {
    const alice = await server.ready('alice', { protocols: ['chat.v1', 'jwt'] });

    await expectServed(alice, 'hello');
    expect(transportOf(alice)).toBe('websocket');
  });

  it.each(['websocket', 'polling'])('that asks for batches gets the same events, over %s', async (transport) => {
    const names: string[] = [];
    const alice = server.connect({
      transports: [transport],
      auth: { token: await server.token('alice'), frames: 'batch' },
    });
    alice.socket.onAny((name: string) => names.push(name));
    const bob = await server.ready('bob');
    const text = 'many words '.repeat(100);
    await Promise.all([expectServed(alice, text), expectServed(bob, text)]);

    const { threadId } = alice.frames.find((frame) => frame.name === 'thread_switched')!.data;
    expect(names).toContain('events');
    expect(names).not.toContain('agent_delta');
    expect(names.slice(0, 3)).toEqual(['connection_accepted', 'connection_authenticated', 'connection_ready']);

    const again = await server.ready('alice', { auth: { frames: 'batch', threadId, after: 0 } });
    await again.next('thread_caught_up');
    checkContiguous(again.events(threadId));
    expect(deltaText(again.events(threadId))).toBe(text);
    for (const client of [alice, bob, again]) client.close();
    await expectNothingLeft(server);
  });

  it('that asks for frames nobody knows gets single ones', async () => {
    const alice = await server.ready('alice', { auth: { frames: { batch: true } } });
    const names: string[] = [];
    alice.socket.onAny((name: string) => names.push(name));
    await expectServed(alice, 'hello');

    expect(names).not.toContain('events');
  });

  it('in another namespace is refused, and nothing is left of it', async () => {
    const client = server.connect();
    await client.next('connection_accepted');
    const elsewhere = client.socket.io.socket('/admin', { auth: { token: await server.token('alice') } });
    const error = await new Promise<Error>((resolve) => elsewhere.once('connect_error', resolve));
    elsewhere.close();

    expect(error.message).toBe('Invalid namespace');
    await client.ask('authenticate', { token: await server.token('alice') });
    await expectServed(client, 'still here');
    client.close();
    await expectNothingLeft(server);
  });
});

describe('A page of another origin', () => {
  let server: TestServer;

  afterEach(() => server.close());

  const connect = async (origin: string, transport: string): Promise<TestClient> =>
    server.connect({
      transports: [transport],
      extraHeaders: { origin },
      auth: { token: await server.token('alice') },
    });

  it.each(['websocket', 'polling'])('is refused, over %s; one of the same origin is not', async (transport) => {
    server = await TestServer.start();
    const foreign = await connect('https://evil.example', transport);
    await foreign.next('connect_error');
    const opaque = await connect('null', transport);
    await opaque.next('connect_error');
    const own = await connect(server.url, transport);
    await own.next('connection_ready');

    expect(foreign.names()).toEqual(['connect_error']);
    expect(await server.metrics.value('threadcast_gateway_accepted_total', {})).toBe(1);
    own.close();
    await expectNothingLeft(server);
  });

  it('is let in when it is named, and no other', async () => {
    server = await TestServer.start({ env: { CORS_ORIGINS: 'https://chat.example,https://app.example' } });
    for (const transport of ['websocket', 'polling']) {
      const named = await connect('https://app.example', transport);
      await named.next('connection_ready');
      named.close();
      await expectNothingLeft(server);
      const other = await connect('https://app.example.evil', transport);
      await other.next('connect_error');
    }
    const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { Origin: 'https://chat.example' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://chat.example');
    await response.text();
  });

  it('is let in whatever it is when all are', async () => {
    server = await TestServer.start({ env: { CORS_ORIGINS: '*' } });
    const client = await connect('https://anything.example', 'websocket');

    await client.next('connection_ready');
  });

  it.each(['http://evil.example', 'null', 'chrome-extension://abc'])(
    'that opens a WebSocket is answered 403, in words, and counted: %s',
    async (origin) => {
      server = await TestServer.start();
      const answer = await ask(`${server.url}/socket.io/?EIO=4&transport=websocket`, {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        Origin: origin,
      });

      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden', retryable: false } });
      const polling = await ask(`${server.url}/socket.io/?EIO=4&transport=polling`, { Origin: origin });
      expect(polling.status).toBe(403);
      const refused = await server.metrics.value('threadcast_gateway_refused_handshakes_total', {
        reason: 'forbidden',
      });
      expect(refused).toBe(2);
    },
  );
});
