import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
} from '@nestjs/websockets';
import type { Namespace, Socket } from 'socket.io';
import type { Socket as ClientSocket } from 'socket.io-client';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer, type TestClient } from '../../src/testing/index.js';
import { eventually } from './gateway-kit.js';

@Injectable()
class NotLocked implements CanActivate {
  canActivate(host: ExecutionContext): boolean {
    return host.switchToWs().getData<{ locked?: boolean }>().locked !== true;
  }
}

/** In a namespace, with one of its requests named as one of the server's. */
@WebSocketGateway({ namespace: 'admin' })
class AdminGateway implements OnGatewayInit<Namespace>, OnGatewayConnection<Socket>, OnGatewayDisconnect<Socket> {
  readonly came: string[] = [];
  readonly left: string[] = [];
  readonly agents: unknown[] = [];

  afterInit(namespace: Namespace): void {
    namespace.use((socket, next) => {
      this.agents.push(socket.request.headers['x-agent']);
      next(socket.handshake.auth['key'] === 'secret' ? undefined : new Error('no key'));
    });
  }

  handleConnection(socket: Socket): void {
    this.came.push(socket.id);
  }

  handleDisconnect(socket: Socket): void {
    this.left.push(socket.id);
  }

  @SubscribeMessage('wipe')
  @UseGuards(NotLocked)
  wipe(@MessageBody() body: object): object {
    return { wiped: body };
  }

  @SubscribeMessage('ping')
  ping(): object {
    return { event: 'pong', data: 'of admin' };
  }

  @SubscribeMessage('large')
  large(): object {
    return { count: 1n };
  }
}

/** The same namespace, written otherwise. */
@WebSocketGateway({ namespace: '/admin' })
class SecondAdminGateway implements OnGatewayConnection<Socket> {
  readonly came: string[] = [];

  handleConnection(socket: Socket): void {
    this.came.push(socket.id);
  }

  @SubscribeMessage('count')
  count(@MessageBody() items: readonly unknown[]): number {
    return items.length;
  }
}

@Module({ providers: [AdminGateway, SecondAdminGateway] })
class AdminModule {}

describe('A namespace of one’s own', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ imports: [AdminModule] });
  });

  afterAll(() => server.close());

  /** On the same transport as the client's other connection. */
  const join = (client: TestClient, key = 'secret'): ClientSocket =>
    client.socket.io.socket('/admin', { auth: { key } });

  it('is served there alone: `/` has no such request, and its own are the server’s', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');
    const admin = join(bob);

    const unknown = { ok: false, error: { code: 'unknown_request' } };
    for (const type of ['wipe', 'count']) expect(await alice.request(type, {})).toMatchObject(unknown);
    expect(await alice.ask('ping')).toEqual({ ok: true, time: expect.any(Number) });

    const pong = new Promise((resolve) => admin.once('pong', resolve));
    admin.emit('ping');
    expect(await pong).toBe('of admin');
    expect(await admin.emitWithAck('wipe', { all: true })).toEqual({ wiped: { all: true } });
    expect(await admin.emitWithAck('count', 'a', 'b', 'c')).toBe(3);
    // And bob's connection is what it was.
    expect(await bob.request('wipe', {})).toMatchObject(unknown);
    expect(await bob.ask('ping')).toHaveProperty('time');
  });

  it('has its guards, and a failure there is nobody else’s', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');
    const admin = join(bob);
    const refused = new Promise((resolve) => admin.once('exception', resolve));
    admin.emit('wipe', { locked: true });

    expect(await refused).toMatchObject({ status: 'error', message: 'Forbidden resource' });
    // An answer that cannot be written.
    admin.emit('large', () => undefined);
    expect(await admin.emitWithAck('wipe', {})).toEqual({ wiped: {} });
    await alice.fence();
  });

  it('tells each of its gateways who comes and goes', async () => {
    const [first, second] = [server.get(AdminGateway), server.get(SecondAdminGateway)];
    const bob = await server.ready('bob');
    const alice = await server.ready('alice');
    const admin = join(bob);
    await new Promise<void>((resolve) => admin.once('connect', resolve));
    const id = admin.id!;

    expect([first, second].map(({ came }) => came.filter((other) => other === id))).toEqual([[id], [id]]);
    expect(first.came).not.toContain(alice.socket.id);
    admin.disconnect();
    await eventually('it has been told', () => first.left.includes(id));
    await bob.fence();
  });

  it('sees the handshake, also of who has joined `/` before', async () => {
    const { agents } = server.get(AdminGateway);
    const alice = await server.ready('alice', { extraHeaders: { 'x-agent': 'of alice' } });
    const bob = await server.ready('bob', { extraHeaders: { 'x-agent': 'of bob' } });
    const [admin, stranger] = [join(alice), join(bob, 'none')];
    const refused = new Promise<Error>((resolve) => stranger.once('connect_error', resolve));

    expect(await admin.emitWithAck('count', 'a', 'b')).toBe(2);
    expect((await refused).message).toBe('no key');
    expect(agents).toEqual(expect.arrayContaining(['of alice', 'of bob']));
    await Promise.all([alice.fence(), bob.fence()]);
  });
});

describe('A namespace that no gateway has made', () => {
  it('sees the handshake of who joins it after `/`, once it is there', async () => {
    const server = await TestServer.start();
    const alice = await server.ready('alice');
    const seen: unknown[] = [];
    const [connection] = server.get(ConnectionRegistry).all();
    connection?.socket.nsp.server.of('/plain').use(({ request }, next) => {
      seen.push(request.headers['x-agent']);
      next();
    });
    const bob = await server.ready('bob', { extraHeaders: { 'x-agent': 'of bob' } });
    const plain = bob.socket.io.socket('/plain', {});
    await new Promise<void>((resolve) => plain.once('connect', resolve));

    expect(seen).toEqual(['of bob']);
    await Promise.all([alice.fence(), bob.fence()]);
    await server.close();
  });
});
