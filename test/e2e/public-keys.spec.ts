import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';

import { Clock } from '../../src/clock/index.js';
import { Authenticator, JwtAuthenticator, KeySet } from '../../src/identity/index.js';
import { KeyServer, ManualClock, TestServer, type TestClient } from '../../src/testing/index.js';
import { closeByHand } from './gateway-kit.js';

const EXPECTED = { issuer: 'https://id.example', audience: 'chat' };

let keys: KeyServer;
let server: TestServer;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  keys = await KeyServer.start();
  await keys.publish('one', 'ES256');
});

afterEach(async () => {
  await closeByHand(server, clock);
  await keys.close();
});

/** As an operator sets it up. `fast`: keys are looked for again at once. */
async function start({ fast = false, url = keys.url } = {}): Promise<void> {
  const env = { AUTH_JWKS_URL: url, AUTH_ISSUER: EXPECTED.issuer, AUTH_AUDIENCE: EXPECTED.audience };
  const judge = (time: Clock) =>
    new JwtAuthenticator(new KeySet(url, { refetchAfterMs: 0, goodForMs: 0 }), EXPECTED, time);
  server = await TestServer.start({
    clock,
    env,
    ...(fast && {
      override: (builder) => builder.overrideProvider(Authenticator).useFactory({ factory: judge, inject: [Clock] }),
    }),
  });
}

const seconds = (): number => Math.floor(clock.now() / 1_000);

const sign = (claims: JWTPayload = {}, kid = 'one'): Promise<string> =>
  keys.sign(kid, { iss: EXPECTED.issuer, aud: EXPECTED.audience, sub: 'alice', ...claims });

/** What becomes of a token everywhere it can be shown: as the first frames say, and the HTTP status with its code. */
async function shownEverywhere(token: string): Promise<string[]> {
  const byHandshake = server.connect({ auth: { token } });
  const said = await Promise.race([byHandshake.next('connection_ready'), byHandshake.next('exception')]);
  const byRequest = await server.connect().request('authenticate', { token });
  const byHttp = await fetch(`${server.url}/api/threads`, { headers: { Authorization: `Bearer ${token}` } });
  const { code } = (await byHttp.json()) as { code?: string };
  return [codeOf(said['error']), codeOf(byRequest.error), code ?? 'ok'];
}

const codeOf = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? 'ok';

const expectEverywhere = async (token: string, outcome: string): Promise<void> => {
  expect(await shownEverywhere(token)).toEqual([outcome, outcome, outcome]);
};

describe('A token signed with a public key', () => {
  it('is accepted everywhere where it fits', async () => {
    await start();

    await expectEverywhere(await sign(), 'ok');
  });

  it.each<[string, JWTPayload]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for somebody else', { aud: 'mail' }],
    ['of nobody', { sub: '' }],
    ['of a user with too long a name', { sub: 'x'.repeat(257) }],
    ['of a user who is a number', { sub: 7 as unknown as string }],
  ])('is refused everywhere: %s', async (_what, claims) => {
    await start();

    await expectEverywhere(await sign(claims), 'unauthenticated');
  });

  it('ends exactly, and begins up to thirty seconds early', async () => {
    await start();
    const now = seconds();
    clock.advance(now * 1_000 + 1_000 - clock.now());
    const at = seconds();

    await expectEverywhere(await sign({ exp: at }), 'unauthenticated');
    await expectEverywhere(await sign({ exp: at + 1 }), 'ok');
    await expectEverywhere(await sign({ nbf: at + 30, iat: at + 30 }), 'ok');
    await expectEverywhere(await sign({ nbf: at + 31 }), 'unauthenticated');
    await expectEverywhere(await sign({ iat: at + 31 }), 'unauthenticated');
  });

  it('has the roles that exist, and no other', async () => {
    await start();
    const asked = async (roles: unknown): Promise<number> => {
      const headers = { Authorization: `Bearer ${await sign({ roles })}` };
      return (await fetch(`${server.url}/debug/connections`, { headers })).status;
    };

    expect(await asked(['admin', 'king'])).toBe(200);
    for (const roles of [['king'], ['producer'], 'admin', { admin: true }, [['admin']], undefined]) {
      expect(await asked(roles)).toBe(403);
    }
  });

  it('is refused when it is signed with the public key as a secret, or not at all', async () => {
    await start();
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await sign()).split('.')[1] ?? ''}.`;

    await expectEverywhere(none, 'unauthenticated');
    for (const forged of await keys.forgeries('one', { iss: EXPECTED.issuer, aud: EXPECTED.audience, sub: 'alice' })) {
      await expectEverywhere(forged, 'unauthenticated');
    }
  });

  it('renews the same user on a live connection, by whichever key', async () => {
    await start({ fast: true });
    const alice = server.connect({ auth: { token: await sign({ exp: seconds() + 60 }) } });
    await alice.next('connection_ready');
    await keys.publish('two', 'RS256');
    keys.withdraw('one');
    expect(await alice.request('authenticate', { token: await sign({ sub: 'bob' }, 'two') })).toMatchObject({
      error: { code: 'unauthenticated' },
    });
    expect(await alice.request('authenticate', { token: await sign() })).toMatchObject({
      error: { code: 'unauthenticated' },
    });
    const expiresAt = (seconds() + 120) * 1_000;
    expect(await alice.ask('authenticate', { token: await sign({ exp: expiresAt / 1_000 }, 'two') })).toMatchObject({
      userId: 'alice',
      expiresAt,
    });
    clock.advance(61_000);

    await alice.fence();
    clock.advance(60_000);
    expect(await alice.next('exception')).toMatchObject({ error: { code: 'token_expired' }, reconnect: false });
  });
});

describe('Keys that change', () => {
  it('are taken up and let go while the server runs; who is connected stays', async () => {
    await start({ fast: true });
    const old = await sign();
    const early = server.connect({ auth: { token: old } });
    await early.next('connection_ready');
    await keys.publish('two', 'RS256');
    await expectEverywhere(await sign({}, 'two'), 'ok');
    await expectEverywhere(old, 'ok');
    keys.withdraw('one');

    await expectEverywhere(old, 'unauthenticated');
    await expectEverywhere(await sign({}, 'two'), 'ok');
    await early.fence();
  });
});

describe('A server of keys that is away', () => {
  const health = async (): Promise<unknown> => (await fetch(`${server.url}/health/ready`)).json();

  const expectToComeBack = async (client: TestClient): Promise<void> => {
    expect(await client.next('exception')).toMatchObject({
      error: { code: 'internal', retryable: true, details: { errorId: expect.any(String) } },
      reconnect: true,
    });
    expect(await client.next('disconnect')).toEqual({ reason: 'transport close' });
  };

  it('from the start keeps nobody out for good: the server starts, says what is wrong, and lets in later', async () => {
    const { url } = keys;
    const token = await sign();
    await keys.close();
    await start({ url, fast: true });
    await expectToComeBack(server.connect({ auth: { token } }));
    const late = server.connect();
    expect(await late.request('authenticate', { token })).toMatchObject({
      error: { code: 'internal', retryable: true },
    });
    const byHttp = await fetch(`${server.url}/api/threads`, { headers: { Authorization: `Bearer ${token}` } });
    expect(byHttp.status).toBe(500);
    expect(await byHttp.json()).toMatchObject({ code: 'internal', retryable: true });

    keys = await KeyServer.start(Number(new URL(url).port));
    await keys.publish('one', 'ES256');
    const again = await sign();
    expect(await late.request('authenticate', { token: again })).toMatchObject({ ok: true, userId: 'alice' });
    await expectEverywhere(again, 'ok');
  });

  it('is told by the readiness, which stays as it is', async () => {
    keys.broken = { status: 500, body: '' };
    await start();
    await expectToComeBack(server.connect({ auth: { token: await sign() } }));
    expect(await health()).toMatchObject({ status: 'degraded', reasons: [{ name: 'keys', status: 'degraded' }] });
    keys.broken = null;
    await expectEverywhere(await sign(), 'ok');

    expect(await health()).toMatchObject({ status: 'ok' });
  });

  it('later leaves known keys and open connections alone', async () => {
    await start();
    const alice = server.connect({ auth: { token: await sign() } });
    await alice.next('connection_ready');
    keys.broken = { status: 500, body: '' };

    await expectEverywhere(await sign({ sub: 'bob' }), 'ok');
    await alice.fence();
  });
});
