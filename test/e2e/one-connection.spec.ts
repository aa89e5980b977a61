import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Manager } from 'socket.io-client';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { ManualClock, TestServer } from '../../src/testing/index.js';
import { closeByHand, closedCount, eventually, expectNothingLeft } from './gateway-kit.js';

const CONNECT = '0';
const DISCONNECT = '1';

describe('A transport has one connection in its life', () => {
  let server: TestServer;
  let clock: ManualClock;
  let engine: Manager['engine'];
  let ended: Promise<unknown>;

  beforeEach(async () => {
    clock = new ManualClock();
    server = await TestServer.start({ clock });
    const manager = new Manager(server.url, { transports: ['websocket'], reconnection: false });
    await new Promise<void>((resolve) => manager.once('open', resolve));
    engine = manager.engine;
    ended = new Promise((resolve) => engine.once('close', resolve));
  });

  afterEach(async () => {
    engine.close();
    await closeByHand(server, clock);
  });

  const accepted = (): Promise<number> => server.metrics.value('threadcast_gateway_accepted_total', {});

  it('asked for two at once, it is ended, and one was accepted', async () => {
    for (let asked = 0; asked < 2; asked += 1) engine.write(CONNECT);
    await ended;

    expect(await accepted()).toBe(1);
    expect(await closedCount(server, 'second_connection')).toBe(1);
    await expectNothingLeft(server);
  });

  it('asked for many at once, it is ended before anybody is accepted', async () => {
    for (let asked = 0; asked < 50; asked += 1) engine.write(CONNECT);
    await ended;

    expect(await accepted()).toBeLessThanOrEqual(1);
    expect(await server.metrics.value('threadcast_gateway_cut_transports_total', { reason: 'asked_too_often' })).toBe(
      1,
    );
    await expectNothingLeft(server);
  });

  it('asked for another one after the first has left, it is ended', async () => {
    engine.write(CONNECT);
    await eventually('it is accepted', async () => (await accepted()) === 1);
    engine.write(DISCONNECT);
    await eventually('it has left', () => server.get(ConnectionRegistry).size === 0);
    expect(await closedCount(server, 'client_unauthenticated')).toBe(1);
    engine.write(CONNECT);
    await ended;

    expect(await accepted()).toBe(1);
    expect(await closedCount(server, 'second_connection')).toBe(1);
  });

  it('left without being closed, it is ended five seconds later', async () => {
    engine.write(CONNECT);
    await eventually('it is accepted', async () => (await accepted()) === 1);
    engine.write(DISCONNECT);
    await eventually('it has left', () => server.get(ConnectionRegistry).size === 0);
    clock.advance(5_000);

    await ended;
  });

  it('ended, it takes nobody else with it', async () => {
    const alice = await server.ready('alice');
    for (let asked = 0; asked < 2; asked += 1) engine.write(CONNECT);
    await ended;

    await alice.fence();
    expect(alice.disconnects).toEqual([]);
  });
});
