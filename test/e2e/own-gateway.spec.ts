import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Injectable,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import { map, type Observable } from 'rxjs';
import type { Socket } from 'socket.io';

import { ConnectionRegistry } from '../../src/gateway/index.js';
import { TestServer } from '../../src/testing/index.js';
import { eventually } from './gateway-kit.js';

@Injectable()
class NotMallory implements CanActivate {
  canActivate(host: ExecutionContext): boolean {
    return host.switchToWs().getData<{ name?: string }>().name !== 'mallory';
  }
}

@Injectable()
class Signature implements NestInterceptor {
  intercept(host: ExecutionContext, next: CallHandler<object>): Observable<unknown> {
    const { id } = host.switchToWs().getClient<Socket>();
    const seen = { kind: host.getType(), pattern: host.switchToWs().getPattern(), by: host.getClass().name, id };
    return next.handle().pipe(map((answer) => ({ ...answer, seen })));
  }
}

@Injectable()
class Greetings {
  for(name: string): string {
    return `Hello ${name}`;
  }
}

/** As somebody writes it who knows Nest and nothing of this server. */
@WebSocketGateway()
class GreetingGateway implements OnGatewayConnection<Socket>, OnGatewayDisconnect<Socket> {
  readonly came: string[] = [];
  readonly left: string[] = [];
  /** Of each socket that came, in order. */
  readonly handshakes: { first: unknown; agent: string | undefined }[] = [];

  constructor(private readonly greetings: Greetings) {}

  handleConnection(socket: Socket): void {
    this.came.push(socket.id);
    const { handshake, request } = socket;
    this.handshakes.push({ first: handshake.auth['threadId'], agent: request.headers['x-agent'] as string });
  }

  handleDisconnect(socket: Socket): void {
    this.left.push(socket.id);
  }

  @SubscribeMessage('greet')
  @UseGuards(NotMallory)
  @UseInterceptors(Signature)
  greet(@MessageBody('name') name: string, @ConnectedSocket() { id }: Socket): object {
    return { greeting: this.greetings.for(name), id };
  }
}

/** A second one, which listens as well and handles nothing. */
@WebSocketGateway()
class WatchingGateway implements OnGatewayConnection<Socket> {
  readonly came: string[] = [];

  handleConnection(socket: Socket): void {
    this.came.push(socket.id);
  }
}

@Module({ providers: [Greetings, GreetingGateway, WatchingGateway] })
class GreetingModule {}

async function expectNoStart(providers: readonly (new () => object)[], reason: string): Promise<void> {
  @Module({ providers: [...providers] })
  class WrongModule {}

  await expect(TestServer.start({ imports: [WrongModule] })).rejects.toThrow(reason);
}

describe('A gateway of one’s own', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start({ imports: [GreetingModule] });
  });

  afterAll(() => server.close());

  it('serves its request with its guard and interceptor, each time for the socket that asks', async () => {
    const alice = await server.ready('alice');
    const bob = await server.ready('bob');

    const answers = await Promise.all([
      alice.request('greet', { name: 'Alice' }),
      bob.request('greet', { name: 'Bob' }),
      alice.request('greet', { name: 'Alice again' }),
    ]);
    const [first, second, third] = answers as unknown as { greeting: string; id: string; seen: object }[];
    expect(first).toMatchObject({ ok: true, greeting: 'Hello Alice' });
    expect(second).toMatchObject({ ok: true, greeting: 'Hello Bob' });
    expect(third).toMatchObject({ ok: true, greeting: 'Hello Alice again', id: first?.id });
    expect(second?.id).not.toBe(first?.id);
    for (const answer of [first, second]) {
      expect(answer?.seen).toEqual({ kind: 'ws', pattern: 'greet', by: 'GreetingGateway', id: answer?.id });
    }
    expect(await alice.request('greet', { name: 'mallory' })).toMatchObject({ ok: false });
  });

  it('is told of each socket once when it comes and once when it goes, beside the server’s own and others', async () => {
    const gateway = server.get(GreetingGateway);
    const watching = server.get(WatchingGateway);
    const before = gateway.came.length;
    const clients = [await server.ready('carol'), await server.ready('dave'), await server.ready('carol')];
    const came = gateway.came.slice(before);

    expect(new Set(came).size).toBe(3);
    expect(came).toHaveLength(3);
    expect(watching.came.slice(before)).toEqual(came);
    for (const client of clients) client.close();
    await eventually('all three have been told', () => came.every((id) => gateway.left.includes(id)));
    expect(gateway.left.filter((id) => came.includes(id))).toHaveLength(3);
  });

  it('sees the handshake of each socket, and the request that it came in', async () => {
    const { handshakes } = server.get(GreetingGateway);
    const before = handshakes.length;
    await server.ready('alice', { auth: { threadId: 'thread_a' }, extraHeaders: { 'x-agent': 'of alice' } });
    await server.ready('bob', { auth: { threadId: 'thread_b' }, extraHeaders: { 'x-agent': 'of bob' } });

    expect(handshakes.slice(before)).toEqual([
      { first: 'thread_a', agent: 'of alice' },
      { first: 'thread_b', agent: 'of bob' },
    ]);
    // Whichever gateway is told first, and in requests and at the end as well.
    const bob = server.get(ConnectionRegistry).all().at(-1)?.socket;
    expect([bob?.handshake.auth['threadId'], bob?.request.headers['x-agent']]).toEqual(['thread_b', 'of bob']);
  });

  it('cannot be made anew for each request: the start says so', async () => {
    @WebSocketGateway()
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGateway {}

    await expectNoStart([ScopedGateway], 'ScopedGateway cannot be request-scoped');
  });

  it('cannot handle what another one handles in its namespace: the start says so', async () => {
    @WebSocketGateway()
    class PingGateway {
      @SubscribeMessage('ping')
      ping(): object {
        return {};
      }
    }

    @WebSocketGateway({ namespace: 'admin' })
    class FirstGateway {
      @SubscribeMessage('wipe')
      wipe(): object {
        return {};
      }
    }

    @WebSocketGateway({ namespace: '/admin' })
    class SecondGateway extends FirstGateway {}

    await expectNoStart([PingGateway], "In /, 'ping' is handled twice: by ConnectionGateway and by PingGateway.");
    await expectNoStart([FirstGateway, SecondGateway], "In /admin, 'wipe' is handled twice");
  });

  it('cannot be on another port or path: the start says so', async () => {
    @WebSocketGateway(8081)
    class PortGateway {}

    @WebSocketGateway({ path: '/elsewhere' })
    class PathGateway {}

    await expectNoStart([PortGateway], 'PortGateway cannot name one');
    await expectNoStart([PathGateway], 'PathGateway cannot name one');
  });
});
