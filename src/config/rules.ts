import { BlockList, isIP } from 'node:net';

import type { Settings } from './config.js';
import type { ConfigFault } from './config-error.js';
import type { SettingName } from './environment.js';

/** What holds between variables, beyond each of them alone. */

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const AUTH: readonly SettingName[] = ['authJwtSecret', 'authJwksUrl', 'authIssuer', 'authAudience'];

/** As long as what it computes: RFC 7518, 3.2 for HS256, RFC 2104, 3 for the signature of webhooks. */
const HMAC_SECRET_BYTES = 32;

export function isDevelopment(nodeEnv: string): boolean {
  return nodeEnv === 'development' || nodeEnv === 'test';
}

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether what is fetched from there can be changed on its way. */
function isInTheOpen(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

/** All three have to hold, since a development token is given to whoever asks. */
export function hasDevelopmentConveniences(nodeEnv: string, host: string, given: ReadonlySet<SettingName>): boolean {
  return isDevelopment(nodeEnv) && isLoopback(host) && !AUTH.some((setting) => given.has(setting));
}

/** `given`: what is set, also where it is bad, so that no fault is told twice. */
export function crossFaults(nodeEnv: string, host: string, given: ReadonlySet<SettingName>): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (given.has('authJwtSecret') && given.has('authJwksUrl')) {
    faults.push(fault('AUTH_JWKS_URL', 'is set beside AUTH_JWT_SECRET', 'one of the two'));
  }
  if (!given.has('authJwtSecret') && !given.has('authJwksUrl') && !hasDevelopmentConveniences(nodeEnv, host, given)) {
    faults.push(
      fault(
        'AUTH_JWT_SECRET',
        `is not set, nor is AUTH_JWKS_URL, so no token can be checked (${whyNoDevelopment(nodeEnv, host)})`,
        'the secret that your tokens are signed with (HS256), or AUTH_JWKS_URL, where their public keys are',
      ),
    );
  }
  if (given.has('redisUrl') && !given.has('databaseUrl')) {
    faults.push(fault('REDIS_URL', 'is set without DATABASE_URL', 'both, or neither'));
  }
  if (given.has('offlineWebhookSecret') && !given.has('offlineWebhookUrl')) {
    faults.push(fault('OFFLINE_WEBHOOK_SECRET', 'is set without OFFLINE_WEBHOOK_URL', 'both, or neither'));
  }
  if (given.has('offlineWebhookUrl') && !given.has('offlineWebhookSecret')) {
    faults.push(
      fault(
        'OFFLINE_WEBHOOK_SECRET',
        'is not set, so what is sent to OFFLINE_WEBHOOK_URL could not be signed',
        'a secret that the receiver knows, or neither',
      ),
    );
  }
  return faults;
}

export function crossWarnings(settings: Settings): readonly string[] {
  return [...authWarnings(settings), ...webhookWarnings(settings), ...modelWarnings(settings)];
}

function authWarnings({ authJwtSecret, authJwksUrl, authAudience }: Settings): readonly string[] {
  const warnings = secretWarnings('AUTH_JWT_SECRET', authJwtSecret);
  if (authJwksUrl !== null && authAudience === null) {
    warnings.push('AUTH_JWKS_URL is set without AUTH_AUDIENCE: tokens that are made for other services are accepted.');
  }
  if (authJwksUrl !== null && isInTheOpen(authJwksUrl)) {
    warnings.push('AUTH_JWKS_URL is not https: whoever is on the way to it can make tokens.');
  }
  return warnings;
}

function webhookWarnings({ offlineWebhookUrl, offlineWebhookSecret }: Settings): readonly string[] {
  const warnings = secretWarnings('OFFLINE_WEBHOOK_SECRET', offlineWebhookSecret);
  if (offlineWebhookUrl !== null && isInTheOpen(offlineWebhookUrl)) {
    warnings.push(
      'OFFLINE_WEBHOOK_URL is not https: whoever is on the way to it can read who is told, and keep it away.',
    );
  }
  return warnings;
}

function secretWarnings(variable: string, secret: string | null): string[] {
  if (secret === null || Buffer.byteLength(secret) >= HMAC_SECRET_BYTES) return [];
  return [`${variable} has fewer than ${HMAC_SECRET_BYTES} bytes and can be guessed.`];
}

function modelWarnings(settings: Settings): readonly string[] {
  const { openaiModel, openaiBaseUrl, openaiApiKey } = settings;
  const warnings: string[] = [];
  if (openaiModel !== null && !hasModel(settings)) {
    warnings.push('OPENAI_MODEL is set without OPENAI_BASE_URL or OPENAI_API_KEY: there is no agent assistant.');
  }
  if (openaiModel === null && (openaiBaseUrl !== null || openaiApiKey !== null)) {
    warnings.push('OPENAI_BASE_URL or OPENAI_API_KEY is set without OPENAI_MODEL: there is no agent assistant.');
  }
  return warnings;
}

/** Whether there is an agent `assistant`. The public server of OpenAI needs a key, another one an address. */
export function hasModel({ openaiModel, openaiBaseUrl, openaiApiKey }: ModelSettings): boolean {
  return openaiModel !== null && (openaiBaseUrl !== null || openaiApiKey !== null);
}

type ModelSettings = Pick<Settings, 'openaiModel' | 'openaiBaseUrl' | 'openaiApiKey'>;

function whyNoDevelopment(nodeEnv: string, host: string): string {
  const rule = 'the server makes its own secret only';
  if (!isDevelopment(nodeEnv)) {
    return `${rule} where NODE_ENV is exactly development or test, not ${JSON.stringify(nodeEnv.slice(0, 100))}`;
  }
  if (!isLoopback(host)) return `${rule} on loopback, and HOST is ${host}`;
  return `${rule} where neither AUTH_ISSUER nor AUTH_AUDIENCE is set`;
}

function fault(variable: string, what: string, accepted: string): ConfigFault {
  return { variable, received: null, fault: what, accepted };
}
