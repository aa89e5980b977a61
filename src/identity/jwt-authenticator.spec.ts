import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';

import { ThreadcastError } from '../errors/index.js';
import { KeyServer } from '../testing/key-server.js';
import { ManualClock } from '../testing/manual-clock.js';
import { JwtAuthenticator, type ExpectedClaims, KeySet, type KeySetTimes, secretKey } from './index.js';

const NOW_S = 1_750_000_000;
const SECRET = 'a secret of more than 32 bytes, shared';
const clock = new ManualClock(NOW_S * 1000);

function sign(claims: JWTPayload, alg = 'HS256', secret = SECRET): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

function authenticator(expected: ExpectedClaims = {}): JwtAuthenticator {
  return new JwtAuthenticator(secretKey(SECRET), expected, clock);
}

/** The message of the refusal; any other outcome fails. */
async function refusal(by: JwtAuthenticator, token: string): Promise<string> {
  const error: unknown = await by.authenticate(token).then(
    () => new Error('accepted'),
    (reason: unknown) => reason,
  );
  if (error instanceof ThreadcastError && error.code === 'unauthenticated') return error.message;
  throw error;
}

describe('a token signed with the secret', () => {
  it('speaks for its user, with the roles that are known', async () => {
    const token = await sign({ sub: 'alice', roles: ['admin', 'king', 7, 'producer', 'admin'], exp: NOW_S + 60 });
    expect(await authenticator().authenticate(token)).toEqual({
      userId: 'alice',
      roles: new Set(['admin', 'producer']),
      expiresAt: (NOW_S + 60) * 1000,
    });
  });

  it.each([undefined, null, 'admin', { 0: 'admin', length: 1 }, []])('has no role from roles %j', async (roles) => {
    const { roles: granted } = await authenticator().authenticate(await sign({ sub: 'alice', roles }));
    expect(granted.size).toBe(0);
  });

  it.each(['HS384', 'HS512'])('is refused with %s', async (alg) => {
    expect(await refusal(authenticator(), await sign({ sub: 'alice' }, alg))).toContain('algorithm');
  });

  it('is refused unsigned, signed by others, cut, or as something else', async () => {
    const token = await sign({ sub: 'alice' });
    expect(await refusal(authenticator(), await sign({ sub: 'alice' }, 'HS256', `${SECRET}!`))).toContain('signature');
    expect(await refusal(authenticator(), new UnsecuredJWT({ sub: 'alice' }).encode())).toMatch(
      /algorithm|not a signed/,
    );
    expect(await refusal(authenticator(), token.slice(0, token.lastIndexOf('.') + 1))).toContain('refused');
    for (const other of ['', 'x', '..', 'a.b.c', token.replace('.', ''), ` ${token}`, 'x'.repeat(16_385)]) {
      expect(await refusal(authenticator(), other)).toContain('The token is refused');
    }
  });

  it('is refused whatever one changes in it', async () => {
    const token = await sign({ sub: 'alice', exp: NOW_S + 60 });
    // Not the last character: some of its bits are padding.
    const change = fc.record({
      at: fc.nat(token.length - 2),
      to: fc.constantFrom('A', 'Q', 'Z', 'a', 'q', 'z', '0', '9', '.'),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to }) => {
        const changed = token.slice(0, at) + to + token.slice(at + 1);
        fc.pre(changed !== token);
        expect(await refusal(authenticator(), changed)).toContain('The token is refused');
      }),
    );
  });
});

describe('the user of a token', () => {
  it.each(['a', 'ü'.repeat(256), '😀'.repeat(256), ' spaces ', 'a\nb', 'auth0|1234'])('may be %j', async (sub) => {
    expect((await authenticator().authenticate(await sign({ sub }))).userId).toBe(sub);
  });

  it.each([undefined, null, '', 7, {}, ['alice'], 'a'.repeat(257), '😀'.repeat(257), 'a\0b', '\ud800'])(
    'may not be %j',
    async (sub) => {
      expect(await refusal(authenticator(), await sign({ sub } as JWTPayload))).toContain('its user (sub)');
    },
  );
});

describe('the times of a token', () => {
  it.each<[JWTPayload, number | null]>([
    [{}, null],
    [{ exp: NOW_S + 1 }, (NOW_S + 1) * 1000],
    [{ exp: NOW_S + 0.001 }, NOW_S * 1000 + 1],
    [{ exp: 1e300 }, Number.MAX_SAFE_INTEGER],
    [{ nbf: NOW_S + 30 }, null],
    [{ iat: NOW_S + 30 }, null],
  ])('%j are accepted, and it ends at %s', async (times, expiresAt) => {
    expect((await authenticator().authenticate(await sign({ sub: 'alice', ...times }))).expiresAt).toBe(expiresAt);
  });

  it.each<[JWTPayload, string]>([
    [{ exp: NOW_S }, 'it has expired'],
    [{ exp: NOW_S - 29 }, 'it has expired'],
    [{ exp: NOW_S - 31 }, 'it has expired'],
    [{ exp: -1e300 }, 'it has expired'],
    [{ nbf: NOW_S + 31 }, 'not valid yet'],
    [{ iat: NOW_S + 31 }, 'issued in the future'],
  ])('%j are refused: %s', async (times, why) => {
    expect(await refusal(authenticator(), await sign({ sub: 'alice', ...times }))).toContain(why);
  });

  it.each(['exp', 'nbf', 'iat'])('are refused where %s is not a number', async (claim) => {
    for (const value of ['1750000060', null, true]) {
      expect(await refusal(authenticator(), await sign({ sub: 'alice', [claim]: value }))).toContain(
        'The token is refused',
      );
    }
  });

  it('are judged to the millisecond', async () => {
    const moving = new ManualClock(NOW_S * 1000);
    const judge = new JwtAuthenticator(secretKey(SECRET), {}, moving);
    const token = await sign({ sub: 'alice', exp: NOW_S + 1 });
    moving.advance(999);
    await expect(judge.authenticate(token)).resolves.toMatchObject({ userId: 'alice' });
    moving.advance(1);
    expect(await refusal(judge, token)).toContain('it has expired');
  });
});

describe('issuer and audience', () => {
  it('are not asked for where none is expected', async () => {
    const token = await sign({ sub: 'alice', iss: 'anybody', aud: 'anything' });
    await expect(authenticator().authenticate(token)).resolves.toMatchObject({ userId: 'alice' });
  });

  it('have to fit where they are expected', async () => {
    const judge = authenticator({ issuer: 'us', audience: 'chat' });
    const signed = (claims: JWTPayload) => sign({ sub: 'alice', ...claims });
    await expect(judge.authenticate(await signed({ iss: 'us', aud: 'chat' }))).resolves.toMatchObject({
      userId: 'alice',
    });
    await expect(judge.authenticate(await signed({ iss: 'us', aud: ['x', 'chat'] }))).resolves.toBeDefined();
    expect(await refusal(judge, await signed({ iss: 'them', aud: 'chat' }))).toContain('issuer');
    expect(await refusal(judge, await signed({ aud: 'chat' }))).toContain('issuer');
    expect(await refusal(judge, await signed({ iss: 'us', aud: 'mail' }))).toContain('audience');
    expect(await refusal(judge, await signed({ iss: 'us' }))).toContain('audience');
  });
});

describe('public keys from a URL', () => {
  const servers: KeyServer[] = [];
  const started = async (): Promise<KeyServer> => {
    const server = await KeyServer.start();
    servers.push(server);
    return server;
  };

  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

  const judgeOf = (server: KeyServer, times?: KeySetTimes) =>
    new JwtAuthenticator(new KeySet(server.url, times), {}, clock);

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('verify %s', async (alg) => {
    const server = await started();
    await server.publish('one', alg);
    const token = await server.sign('one', { sub: 'alice', roles: ['producer'] });
    expect(await judgeOf(server).authenticate(token)).toMatchObject({ userId: 'alice', roles: new Set(['producer']) });
  });

  it('are fetched once for many tokens, and again for a key that came later', async () => {
    const server = await started();
    await server.publish('one');
    const judge = judgeOf(server, { refetchAfterMs: 0 });
    const first = await server.sign('one', { sub: 'alice' });
    await Promise.all([judge.authenticate(first), judge.authenticate(first)]);
    await judge.authenticate(first);
    expect(server.fetches).toBe(1);

    server.withdraw('one');
    await server.publish('two');
    const second = await server.sign('two', { sub: 'bob' });
    await expect(judge.authenticate(second)).resolves.toMatchObject({ userId: 'bob' });
    expect(server.fetches).toBe(2);
    expect(await refusal(judge, first)).toContain('unknown key');
  });

  it('are not fetched for each made-up key', async () => {
    const server = await started();
    await server.publish('one');
    const judge = judgeOf(server);
    await judge.authenticate(await server.sign('one', { sub: 'alice' }));
    await server.keep('unpublished');
    const token = await server.sign('unpublished', { sub: 'mallory' });
    expect(await refusal(judge, token)).toContain('unknown key');
    expect(await refusal(judge, token)).toContain('unknown key');
    expect(server.fetches).toBe(1);
  });

  it('are no secrets to sign with', async () => {
    const server = await started();
    await server.publish('one');
    for (const token of await server.forgeries('one', { sub: 'mallory' })) {
      expect(await refusal(judgeOf(server), token)).toContain('algorithm');
    }
    expect(await refusal(judgeOf(server), new UnsecuredJWT({ sub: 'mallory' }).encode())).toMatch(
      /algorithm|not a signed/,
    );
  });

  it('that cannot be had say nothing about the token', async () => {
    const server = await started();
    await server.publish('one');
    const token = await server.sign('one', { sub: 'alice' });
    const judge = judgeOf(server);

    for (const broken of [
      { status: 500, body: '{}' },
      { status: 200, body: 'no JSON' },
      { status: 200, body: '{}' },
    ]) {
      server.broken = broken;
      const error: unknown = await judge.authenticate(token).catch((reason: unknown) => reason);
      expect(error).not.toBeInstanceOf(ThreadcastError);
      expect(String(error)).toContain('Tokens cannot be checked at present');
    }

    server.broken = null;
    await expect(judge.authenticate(token)).resolves.toMatchObject({ userId: 'alice' });
  });
});
