import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';

import { ThreadcastError } from '../errors/index.js';
import { KeyServer } from '../testing/key-server.js';
import { ManualClock } from '../testing/manual-clock.js';
import { JwtAuthenticator, KeySet, KeySetCheck, type KeySetTimes } from './index.js';

const clock = new ManualClock(1_750_000_000_000);
let server: KeyServer;
let mallory: KeyServer;

beforeEach(async () => {
  server = await KeyServer.start();
  await server.publish('one', 'ES256');
  mallory = await KeyServer.start();
  await mallory.publish('hers', 'ES256');
});

afterEach(() => Promise.all([server.close(), mallory.close()]));

const judgeOf = (times?: KeySetTimes): JwtAuthenticator =>
  new JwtAuthenticator(new KeySet(server.url, times), {}, clock);

/** The message of the refusal; any other outcome fails. */
async function refusal(judge: JwtAuthenticator, token: string): Promise<string> {
  const error: unknown = await judge.authenticate(token).then(
    () => new Error('accepted'),
    (reason: unknown) => reason,
  );
  if (error instanceof ThreadcastError && error.code === 'unauthenticated') return error.message;
  throw error;
}

/** A token of Mallory's, signed with a key of her own. */
async function forged(header: JWTHeaderParameters, alg = header.alg): Promise<string> {
  const { privateKey } = await generateKeyPair(alg);
  return new SignJWT({ sub: 'alice' }).setProtectedHeader(header).sign(privateKey);
}

describe('A token that brings its own key', () => {
  it.each(['jwk', 'jku', 'x5u', 'x5c'])('by the header %s is refused, and nothing is fetched for it', async (name) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const brought = { jwk: await exportJWK(publicKey), jku: mallory.url, x5u: mallory.url, x5c: ['MIIB'] };
    const header = { alg: 'ES256', kid: 'one', [name]: brought[name as keyof typeof brought] };
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader(header).sign(privateKey);

    expect(await refusal(judgeOf(), token)).toContain('signature');
    expect(mallory.fetches).toBe(0);
  });

  it('of the same name is refused', async () => {
    expect(await refusal(judgeOf(), await forged({ alg: 'ES256', kid: 'one' }))).toContain('signature');
  });
});

describe('The name of a key', () => {
  it.each([
    '../../../../dev/null',
    '/etc/passwd',
    'http://127.0.0.1/keys',
    "' or 1=1; --",
    '| sleep 10',
    '__proto__',
    'constructor',
    '',
    'one\0',
    'ONE',
    'x'.repeat(5_000),
  ])('is a name and nothing else: %j', async (kid) => {
    const judge = judgeOf();
    await judge.authenticate(await server.sign('one', { sub: 'alice' }));

    expect(await refusal(judge, await forged({ alg: 'ES256', kid }))).toMatch(/unknown key|signature/);
    expect(server.fetches).toBe(1);
  });

  it('that is no text is refused', async () => {
    for (const kid of [7, null, ['one'], { one: 1 }]) {
      const header = { alg: 'ES256', kid } as unknown as JWTHeaderParameters;
      expect(await refusal(judgeOf(), await forged(header))).toContain('The token is refused');
    }
  });

  it('may be left out where there is one key, and not where there are several', async () => {
    const unnamed = await server.signUnnamed('one', { sub: 'alice' });
    expect(await judgeOf().authenticate(unnamed)).toMatchObject({ userId: 'alice' });
    await server.publish('two', 'ES256');

    expect(await refusal(judgeOf(), unnamed)).toContain('does not say which key');
  });
});

describe('The algorithm', () => {
  it('is that of the key, whatever the token says', async () => {
    await server.publish('rsa', 'RS256');
    const judge = judgeOf();

    expect(await refusal(judge, await forged({ alg: 'RS256', kid: 'one' }))).toContain('unknown key');
    expect(await refusal(judge, await forged({ alg: 'ES256', kid: 'rsa' }))).toContain('unknown key');
    expect(await refusal(judge, await forged({ alg: 'PS256', kid: 'rsa' }))).toContain('unknown key');
    expect(await refusal(judge, await forged({ alg: 'RS512', kid: 'rsa' }))).toContain('unknown key');
  });

  it.each(['HS256', 'HS512'])('is never %s, even with a secret that stands among the keys', async (alg) => {
    const secret = new TextEncoder().encode('published by mistake, and long enough for all');
    server.publishAsIs({ kty: 'oct', kid: 'oops', alg, k: Buffer.from(secret).toString('base64url') });
    const token = await new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg, kid: 'oops' }).sign(secret);

    expect(await refusal(judgeOf(), token)).toContain('algorithm');
  });

  it('is refused where the token demands what nobody knows', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const critical = new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'ES256', kid: 'one', crit: ['x'], x: 1 });

    expect(await refusal(judgeOf(), await critical.sign(privateKey, { crit: { x: true } }))).toContain(
      'not supported here',
    );
  });
});

describe('Keys that change while the server runs', () => {
  it('are taken up when a token names them, and let go when they are no longer good', async () => {
    const judge = judgeOf({ refetchAfterMs: 0 });
    const old = await server.sign('one', { sub: 'alice' });
    await judge.authenticate(old);
    await server.publish('two', 'RS256');
    const fresh = await server.sign('two', { sub: 'alice' });
    await judge.authenticate(fresh);
    await judge.authenticate(old);
    expect(server.fetches).toBe(2);
    server.withdraw('one');
    // Nobody asks for an unknown key: they are good for the time that was said.
    await judge.authenticate(old);
    expect(server.fetches).toBe(2);

    const impatient = judgeOf({ goodForMs: 0 });
    await impatient.authenticate(fresh);
    expect(await refusal(impatient, old)).toContain('unknown key');
    await server.publish('one', 'ES256');
    server.withdraw('two');
    expect(await refusal(impatient, fresh)).toContain('unknown key');
  });
});

describe('Keys that cannot be had', () => {
  it('say nothing about a token, and are told to whoever watches, until they can be had again', async () => {
    const token = await server.sign('one', { sub: 'alice' });
    const { url } = server;
    await server.close();
    const keySet = new KeySet(url, { goodForMs: 0 });
    const judge = new JwtAuthenticator(keySet, {}, clock);
    const check = new KeySetCheck(keySet);
    expect(await check.check()).toEqual({ status: 'ok' });
    await expect(judge.authenticate(token)).rejects.not.toBeInstanceOf(ThreadcastError);
    expect(await check.check()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('keys') });
    // What is no token for other reasons is still told so.
    expect(await refusal(judge, 'nonsense')).toContain('not a signed JWT');

    server = await KeyServer.start(Number(new URL(url).port));
    await server.publish('two', 'ES256');
    await expect(judge.authenticate(await server.sign('two', { sub: 'bob' }))).resolves.toMatchObject({
      userId: 'bob',
    });
    expect(await refusal(judge, token)).toContain('unknown key');
    expect(await check.check()).toEqual({ status: 'ok' });
  });

  it('for a while leave those who come with known ones alone', async () => {
    const judge = judgeOf();
    const token = await server.sign('one', { sub: 'alice' });
    await judge.authenticate(token);
    server.broken = { status: 500, body: '' };

    await expect(judge.authenticate(token)).resolves.toMatchObject({ userId: 'alice' });
  });
});
