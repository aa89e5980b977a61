import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ClusterSockets } from '../../src/cluster/index.js';
import { Connections } from '../../src/gateway/index.js';
import { TestServer } from '../../src/testing/index.js';

describe('An application that closes the connections of a user, on one node', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await TestServer.start();
  });

  afterEach(() => server.close());

  it('needs no adapter, tells them why, and closes nobody else’s', async () => {
    const [alice, other, bob] = [await server.ready('alice'), await server.ready('alice'), await server.ready('bob')];
    const stranger = server.connect();
    await stranger.next('connection_accepted');
    expect(server.get(ClusterSockets).adapter).toBeNull();
    const answer = await server.get(Connections).disconnectUser('alice');
    expect(answer).toEqual({ closed: 2, isComplete: true, silentNodes: [] });
    for (const client of [alice, other]) {
      expect(await client.next('exception')).toMatchObject({ error: { code: 'forbidden' }, reconnect: false });
      expect(await client.next('disconnect')).toEqual({ reason: 'io server disconnect' });
    }
    await bob.fence();
    await stranger.ask('authenticate', { token: await server.token('carol') });
    for (const client of [bob, stranger]) expect(client.names()).not.toContain('exception');
  });
});
