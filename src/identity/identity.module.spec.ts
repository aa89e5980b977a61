import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { decodeJwt, SignJWT } from 'jose';

import { Clock } from '../clock/index.js';
import { NoSharedBudgets, OwnWords, SharedWords, UserBudgets } from '../cluster/index.js';
import { IdModule, RandomIdGenerator } from '../ids/index.js';
import { ManualClock } from '../testing/manual-clock.js';
import { developmentSecret } from './development-secret.js';
import { Authenticator, DevTokenIssuer, IdentityModule, type TokenKeys } from './index.js';

const clock = new ManualClock();

@Global()
@Module({
  providers: [
    { provide: Clock, useValue: clock },
    { provide: SharedWords, useClass: OwnWords },
    { provide: UserBudgets, useClass: NoSharedBudgets },
  ],
  exports: [Clock, SharedWords, UserBudgets],
})
class TimeModule {}

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'threadcast-identity-'));
  file = join(directory, 'data', 'dev-secret');
});

afterEach(() => rmSync(directory, { recursive: true }));

function compiled(keys: TokenKeys): Promise<TestingModule> {
  const identity = IdentityModule.forRootAsync({ useFactory: () => ({ keys }) });
  return Test.createTestingModule({ imports: [TimeModule, IdModule, identity] }).compile();
}

describe('in development', () => {
  it('a minted token is accepted, for a day, also by the next process on the same data', async () => {
    const first = await compiled({ developmentSecretFile: file });
    expect(first.get(DevTokenIssuer).enabled).toBe(true);
    const token = await first.get(DevTokenIssuer).mint({ userId: 'alice', roles: ['producer'] });
    await first.close();

    const second = await compiled({ developmentSecretFile: file });
    expect(await second.get(Authenticator).authenticate(token)).toEqual({
      userId: 'alice',
      roles: new Set(['producer']),
      expiresAt: clock.now() + 86_400_000,
    });
    await second.close();
  });

  it('a token ends after the time that was asked for, to the millisecond', async () => {
    const app = await compiled({ developmentSecretFile: file });
    const token = await app.get(DevTokenIssuer).mint({ userId: 'alice', ttlMs: 1234 });
    const { expiresAt } = await app.get(Authenticator).authenticate(token);
    expect(expiresAt).toBe(clock.now() + 1234);
    expect(decodeJwt(token)).toMatchObject({ sub: 'alice', roles: [] });
    await app.close();
  });

  it('no token is minted for a user that could not be one', async () => {
    const app = await compiled({ developmentSecretFile: file });
    const mint = app.get(DevTokenIssuer).mint({ userId: '' });
    await expect(mint).rejects.toMatchObject({ code: 'invalid_payload' });
    await app.close();
  });
});

describe('the development secret', () => {
  const ids = new RandomIdGenerator();

  it('is made once, whoever asks at the same time, and is for its owner alone', async () => {
    const asked = await Promise.all(Array.from({ length: 10 }, () => developmentSecret(file, ids)));
    expect(new Set(asked).size).toBe(1);
    expect(await developmentSecret(file, ids)).toBe(asked[0]);
    expect(readFileSync(file, 'utf8').trim()).toBe(asked[0]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'data'))).toEqual(['dev-secret']);
  });

  it('is not replaced where the file holds something else', async () => {
    await developmentSecret(file, ids);
    writeFileSync(file, '');
    await expect(developmentSecret(file, ids)).rejects.toThrow('holds no development secret. Delete it');
    expect(readFileSync(file, 'utf8')).toBe('');
  });
});

describe('with keys of its own', () => {
  it.each<TokenKeys>([{ jwtSecret: 'secret' }, { jwksUrl: 'http://127.0.0.1:1/keys' }])(
    '%j mints no token',
    async (keys) => {
      const app = await compiled(keys);
      expect(app.get(DevTokenIssuer).enabled).toBe(false);
      await expect(app.get(DevTokenIssuer).mint({ userId: 'alice' })).rejects.toMatchObject({ code: 'forbidden' });
      await app.close();
    },
  );

  it('accepts what is signed with them, however short the secret', async () => {
    const app = await compiled({ jwtSecret: 's' });
    const token = await new SignJWT({ sub: 'alice' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode('s'));
    expect(await app.get(Authenticator).authenticate(token)).toMatchObject({ userId: 'alice', expiresAt: null });
    await app.close();
  });
});
