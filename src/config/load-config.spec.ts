import { resolve } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { type ConfigFault, ConfigError, loadConfig } from './index.js';

function refusal(env: NodeJS.ProcessEnv): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function faultOf(variable: string, env: NodeJS.ProcessEnv): ConfigFault {
  const [found, ...others] = refusal(env).faults.filter((fault) => fault.variable === variable);
  if (found === undefined || others.length > 0) throw new Error(`${variable} has not one fault`);
  return found;
}

const secret = 's'.repeat(32);
const production = { NODE_ENV: 'production', AUTH_JWT_SECRET: secret };

describe('an empty environment', () => {
  it('gives every default', () => {
    expect(loadConfig({})).toEqual({
      nodeEnv: 'development',
      port: 3000,
      host: '127.0.0.1',
      dataDir: resolve('data'),
      databaseUrl: null,
      redisUrl: null,
      clusterName: 'threadcast',
      authJwtSecret: null,
      authJwksUrl: null,
      authIssuer: null,
      authAudience: null,
      authTimeoutMs: 10_000,
      contextTimeoutMs: 5_000,
      pendingMaxMessages: 100,
      pendingMaxBytes: 262_144,
      maxMessageBytes: 262_144,
      maxEventBytes: 262_144,
      maxConnections: 20_000,
      maxConnectionsPerUser: 50,
      maxUnauthenticatedConnections: 1_000,
      maxFollowedThreads: 100,
      maxRuns: 1_000,
      maxRunsPerUser: 50,
      maxQueuedRunsPerThread: 100,
      rateLimitMessagesPerSec: 50,
      rateLimitBurst: 200,
      slowConsumerBytes: 262_144,
      runTimeoutMs: 600_000,
      runStallMs: 120_000,
      inputTimeoutMs: 3_600_000,
      startupTimeoutMs: 30_000,
      shutdownGraceMs: 10_000,
      defaultAgent: 'echo',
      openaiBaseUrl: null,
      openaiApiKey: null,
      openaiModel: null,
      offlineWebhookUrl: null,
      offlineWebhookSecret: null,
      corsOrigins: [],
      logLevel: 'info',
      otelEnabled: false,
      developmentConveniences: true,
      warnings: [],
    });
  });

  it('cannot be changed afterwards', () => {
    const config = loadConfig({});
    expect([config, config.corsOrigins, config.warnings].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('is the same as one of empty variables', () => {
    expect(loadConfig({ PORT: '', HOST: '', AUTH_JWT_SECRET: '', DATABASE_URL: '', LOG_LEVEL: '' })).toEqual(
      loadConfig({}),
    );
  });
});

describe('bad variables', () => {
  it('are told all at once, each with its fault and what is accepted', () => {
    const { message, faults } = refusal({ PORT: '80a', LOG_LEVEL: 'loud', MAX_RUNS: '-1', RUN_STALL_MS: '2147483648' });
    expect(faults.map(({ variable }) => variable)).toEqual(['PORT', 'MAX_RUNS', 'RUN_STALL_MS', 'LOG_LEVEL']);
    expect(message.split('\n').slice(1)).toEqual([
      '  PORT="80a" is not a whole number; accepted: a whole number from 0 to 65535, in decimal digits',
      '  MAX_RUNS="-1" is not a whole number; accepted: a whole number from 1 to 1000000000, in decimal digits',
      '  RUN_STALL_MS="2147483648" is above 2147483647; accepted: a whole number from 1 to 2147483647, in decimal digits',
      '  LOG_LEVEL="loud" is none of them; accepted: trace, debug, info, warn, error, fatal, silent',
    ]);
  });

  it.each(['1e3', '0x10', ' 3000', '3000 ', '+1', '1.0', '1_000', '٣', '07', 'NaN', '65536', '99999999999999999999'])(
    'PORT=%j is one',
    (value) => {
      expect(faultOf('PORT', { PORT: value }).received).toBe(JSON.stringify(value));
    },
  );

  it.each([
    ['HOST', '[::1]'],
    ['HOST', '1.2.3'],
    ['HOST', 'a b'],
    ['HOST', 'http://localhost'],
    ['CLUSTER_NAME', 'a:b'],
    ['CLUSTER_NAME', '-a'],
    ['CLUSTER_NAME', 'a'.repeat(65)],
    ['DATABASE_URL', 'mysql://localhost/x'],
    ['REDIS_URL', 'localhost:6379'],
    ['AUTH_JWKS_URL', 'ftp://example.com/keys'],
    ['AUTH_JWKS_URL', 'https://user:word@example.com/keys'],
    ['OPENAI_BASE_URL', 'not a url'],
    ['OFFLINE_WEBHOOK_URL', '/hook'],
    ['CORS_ORIGINS', 'https://a.example,'],
    ['CORS_ORIGINS', 'https://a.example/path'],
    ['CORS_ORIGINS', '*,https://a.example'],
    ['LOG_LEVEL', 'INFO'],
    ['OTEL_ENABLED', 'yes'],
    ['MAX_CONNECTIONS', '0'],
  ])('%s=%j is one', (variable, value) => {
    expect(faultOf(variable, { [variable]: value }).accepted).not.toBe('');
  });

  it('are shown, unless they are secret, up to a bound and without what could be a password', () => {
    const word = 'hunter2-hunter2';
    const { message } = refusal({
      DATABASE_URL: `${word}://x`,
      REDIS_URL: `amqp://${word}@x`,
      OFFLINE_WEBHOOK_URL: `ftp://x/${word}`,
      AUTH_JWKS_URL: `https://me:${word}@example.com`,
      LOG_LEVEL: 'x'.repeat(100_000),
    });
    expect(message).not.toContain(word);
    expect(message.length).toBeLessThan(2_000);
  });
});

describe('development conveniences', () => {
  it.each<[NodeJS.ProcessEnv, boolean, string]>([
    [{ NODE_ENV: 'test' }, true, '127.0.0.1'],
    [{ HOST: 'localhost' }, true, 'localhost'],
    [{ HOST: '127.9.8.7' }, true, '127.9.8.7'],
    [{ HOST: '::1' }, true, '::1'],
    [{ AUTH_TIMEOUT_MS: '50' }, true, '127.0.0.1'],
    [{ AUTH_JWT_SECRET: secret }, false, '127.0.0.1'],
    [{ HOST: '0.0.0.0', AUTH_JWT_SECRET: secret }, false, '0.0.0.0'],
    [{ AUTH_JWKS_URL: 'http://localhost:1/keys' }, false, '127.0.0.1'],
    [production, false, '0.0.0.0'],
    [{ ...production, NODE_ENV: 'Development' }, false, '0.0.0.0'],
    [{ ...production, HOST: '127.0.0.1' }, false, '127.0.0.1'],
  ])('for %j: %s, on %s', (env, conveniences, host) => {
    const config = loadConfig(env);
    expect([config.developmentConveniences, config.host]).toEqual([conveniences, host]);
  });

  it.each<[NodeJS.ProcessEnv, string]>([
    [{ NODE_ENV: 'production' }, 'not "production"'],
    [{ NODE_ENV: 'Test' }, 'not "Test"'],
    [{ NODE_ENV: 'production', HOST: '127.0.0.1' }, 'not "production"'],
    [{ HOST: '0.0.0.0' }, 'HOST is 0.0.0.0'],
    [{ HOST: '192.168.0.4' }, 'HOST is 192.168.0.4'],
    [{ AUTH_ISSUER: 'me' }, 'neither AUTH_ISSUER nor AUTH_AUDIENCE'],
  ])('without them and without AUTH_*, %j does not start, and is told why', (env, why) => {
    const { fault, accepted } = faultOf('AUTH_JWT_SECRET', env);
    expect(fault).toContain(why);
    expect(accepted).toContain('AUTH_JWKS_URL');
  });

  it('are told as missing beside every other fault', () => {
    const { faults } = refusal({ NODE_ENV: 'production', PORT: 'x' });
    expect(faults.map(({ variable }) => variable)).toEqual(['PORT', 'AUTH_JWT_SECRET']);
  });

  it('are not missed where AUTH_JWKS_URL is there but bad', () => {
    expect(refusal({ ...production, AUTH_JWT_SECRET: '', AUTH_JWKS_URL: 'x' }).faults).toHaveLength(1);
  });
});

describe('variables together', () => {
  it('a secret and a key set exclude each other', () => {
    expect(faultOf('AUTH_JWKS_URL', { AUTH_JWT_SECRET: secret, AUTH_JWKS_URL: 'https://x' }).accepted).toBe(
      'one of the two',
    );
  });

  it('REDIS_URL needs DATABASE_URL, and of OFFLINE_WEBHOOK_URL and its secret each needs the other', () => {
    expect(faultOf('REDIS_URL', { REDIS_URL: 'redis://x' }).fault).toBe('is set without DATABASE_URL');
    expect(faultOf('OFFLINE_WEBHOOK_SECRET', { OFFLINE_WEBHOOK_SECRET: 'x' }).accepted).toBe('both, or neither');
    const url = 'https://example.com/hooks/hunter2';
    expect(faultOf('OFFLINE_WEBHOOK_SECRET', { OFFLINE_WEBHOOK_URL: url }).fault).toMatch(
      /^is not set, so what is sent/,
    );
    expect(refusal({ OFFLINE_WEBHOOK_URL: url }).message).not.toContain('hunter2');
    expect(loadConfig({ OFFLINE_WEBHOOK_URL: url, OFFLINE_WEBHOOK_SECRET: secret })).toMatchObject({
      offlineWebhookUrl: url,
      offlineWebhookSecret: secret,
      warnings: [],
    });
    const env = { REDIS_URL: 'redis://x', DATABASE_URL: 'postgres://x/y', CLUSTER_NAME: 'blue' };
    expect(loadConfig(env)).toMatchObject({
      redisUrl: 'redis://x',
      databaseUrl: 'postgres://x/y',
      clusterName: 'blue',
    });
  });

  it('the default agent is assistant where a model is configured', () => {
    const model = { OPENAI_MODEL: 'm', OPENAI_BASE_URL: 'http://localhost:1/v1' };
    expect(loadConfig(model).defaultAgent).toBe('assistant');
    expect(loadConfig({ OPENAI_MODEL: 'm', OPENAI_API_KEY: 'k' }).defaultAgent).toBe('assistant');
    expect(loadConfig({ OPENAI_API_KEY: 'k' }).defaultAgent).toBe('echo');
    expect(loadConfig({ ...model, DEFAULT_AGENT: 'mine' }).defaultAgent).toBe('mine');
  });

  it('half a model is none, with a warning', () => {
    expect(loadConfig({ OPENAI_MODEL: 'm' })).toMatchObject({
      defaultAgent: 'echo',
      warnings: [expect.stringContaining('OPENAI_MODEL is set without')],
    });
    expect(loadConfig({ OPENAI_API_KEY: 'k' }).warnings).toEqual([expect.stringContaining('without OPENAI_MODEL')]);
    expect(loadConfig({ OPENAI_MODEL: 'm', OPENAI_API_KEY: 'k' }).warnings).toEqual([]);
  });

  it('a key that no header can carry is refused unseen', () => {
    const { received, fault } = faultOf('OPENAI_API_KEY', { OPENAI_API_KEY: 'sk 1\n' });
    expect([received, fault]).toEqual(['(not shown)', 'has characters that a header cannot carry']);
  });

  it('origins are kept as browsers send them', () => {
    const { corsOrigins } = loadConfig({
      CORS_ORIGINS: 'https://A.example:443/, http://localhost:5173,https://a.example',
    });
    expect(corsOrigins).toEqual(['https://a.example', 'http://localhost:5173']);
    expect(loadConfig({ CORS_ORIGINS: '*' }).corsOrigins).toEqual(['*']);
  });
});

it('DATABASE_URL is taken without REDIS_URL', () => {
  expect(loadConfig({ DATABASE_URL: 'postgres://x/y' })).toMatchObject({ databaseUrl: 'postgres://x/y', warnings: [] });
});

it('a short secret is taken with a warning that does not show it', () => {
  const { authJwtSecret, warnings } = loadConfig({ AUTH_JWT_SECRET: 'tiny' });
  expect(authJwtSecret).toBe('tiny');
  expect(warnings).toEqual([expect.stringContaining('AUTH_JWT_SECRET has fewer than 32 bytes')]);
  expect(warnings.join()).not.toContain('tiny');
  expect(loadConfig({ AUTH_JWT_SECRET: secret }).warnings).toEqual([]);
});

it('warns of public keys that others could bring, or that make tokens for others', () => {
  const warnings = (env: Record<string, string>) => loadConfig(env).warnings;
  const url = 'https://id.example/keys';
  expect(warnings({ AUTH_JWKS_URL: url, AUTH_AUDIENCE: 'chat' })).toEqual([]);
  expect(warnings({ AUTH_JWKS_URL: url })).toEqual([expect.stringContaining('without AUTH_AUDIENCE')]);
  const open = { AUTH_JWKS_URL: 'http://id.example/keys', AUTH_AUDIENCE: 'chat' };
  expect(warnings(open)).toEqual([expect.stringContaining('is not https')]);
  for (const host of ['127.0.0.1:9', 'localhost', '[::1]:9']) {
    expect(warnings({ ...open, AUTH_JWKS_URL: `http://${host}/keys` })).toEqual([]);
  }
});

it('warns of a webhook that others can read, and of a short secret of it', () => {
  const warnings = (env: Record<string, string>) => loadConfig(env).warnings;
  const env = { OFFLINE_WEBHOOK_URL: 'https://app.example/hook/hunter2', OFFLINE_WEBHOOK_SECRET: secret };
  expect(warnings(env)).toEqual([]);
  const short = warnings({ ...env, OFFLINE_WEBHOOK_SECRET: 'tiny' });
  expect(short).toEqual([expect.stringContaining('OFFLINE_WEBHOOK_SECRET has fewer than 32 bytes')]);
  const open = warnings({ ...env, OFFLINE_WEBHOOK_URL: 'http://app.example/hook/hunter2' });
  expect(open).toEqual([expect.stringContaining('OFFLINE_WEBHOOK_URL is not https')]);
  expect([...short, ...open].join()).not.toMatch(/tiny|hunter2/);
  for (const host of ['127.0.0.1:9', 'localhost', '[::1]:9']) {
    expect(warnings({ ...env, OFFLINE_WEBHOOK_URL: `http://${host}/hook` })).toEqual([]);
  }
});
