import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { closedCount, eventually } from './gateway-kit.js';

const REASONS = ['client', 'client_unauthenticated', 'ping_timeout', 'transport_error', 'server'];

describe('Connections that end are counted by who ended them', () => {
  let server: TestServer;
  let alice: TestClient;

  beforeEach(async () => {
    server = await TestServer.start();
    alice = await server.ready('alice');
  });

  afterEach(() => server.close());

  const transport = () => server.get(ConnectionRegistry).all()[0]!.socket.conn;
  const gone = () => eventually('it is gone', () => server.get(ConnectionRegistry).size === 0);
  const failed = (reason: string): void => {
    (transport() as unknown as { onClose(reason: string): void }).onClose(reason);
  };

  it.each([
    ['the client says that it leaves', () => alice.close(), 'client'],
    ['the client closes its line', () => alice.socket.io.engine.close(), 'client'],
    ['the client is silent', () => failed('ping timeout'), 'ping_timeout'],
    ['the line breaks', () => failed('transport error'), 'transport_error'],
    ['the server closes the line', () => transport().close(), 'server'],
  ])('%s', async (_what, end, reason) => {
    end();
    await gone();

    expect(await closedCount(server, reason)).toBe(1);
    for (const other of REASONS.filter((one) => one !== reason)) expect(await closedCount(server, other)).toBe(0);
  });
});
