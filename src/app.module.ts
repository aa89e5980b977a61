import { join } from 'node:path';

import { Module, type DynamicModule, type ModuleMetadata, type Type } from '@nestjs/common';

import { AgentsModule, type AssistantOptions } from './agents/index.js';
import { ClockModule } from './clock/index.js';
import { Bus, ClusterModule } from './cluster/index.js';
import { CONFIG, configModule, hasModel, type Config } from './config/index.js';
import { DeliveryModule, type DeliveryOptions, type OfflineNotifier } from './delivery/index.js';
import { GatewayModule } from './gateway/index.js';
import { HttpModule } from './http/index.js';
import { IdModule } from './ids/index.js';
import { IdentityModule, type IdentityOptions } from './identity/index.js';
import { MetricsModule } from './metrics/index.js';
import { ReferenceModule } from './reference/index.js';
import { StartupModule } from './startup/index.js';
import { StorageModule } from './storage/index.js';
import { ThreadsModule, type RedactionRules, type Redactor } from './threads/index.js';
import { TracesModule } from './traces/index.js';

/** Classes that take the place of the server's own, and rules beside its own. */
export interface Replacements {
  /** Instead of the webhook. */
  readonly offlineNotifier?: Type<OfflineNotifier>;
  /** Instead of the rules. */
  readonly redactor?: Type<Redactor>;
  /** Rules of redaction beside the built-in ones. */
  readonly redaction?: RedactionRules;
}

/** The server, put together from its rooms. Only here does a room's options come from the environment. */
@Module({})
export class AppModule {
  /** `imports`: modules of one's own, with agents and whatever else is found by discovery. */
  static forRoot(
    config: Config,
    imports: NonNullable<ModuleMetadata['imports']> = [],
    { offlineNotifier, redactor, redaction }: Replacements = {},
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        configModule(config),
        ClockModule,
        IdModule,
        MetricsModule,
        TracesModule.forRootAsync({ inject: [CONFIG], useFactory: tracesOf }),
        StartupModule.forRootAsync({ inject: [CONFIG], useFactory: (given: Config) => given }),
        StorageModule.forRootAsync({ inject: [CONFIG], useFactory: storageOf }),
        ClusterModule.forRootAsync({ inject: [CONFIG], useFactory: (given: Config) => given }),
        IdentityModule.forRootAsync({ inject: [CONFIG], useFactory: identityOf }),
        ThreadsModule.forRootAsync({
          inject: [CONFIG, Bus],
          useFactory: (given: Config, bus: Bus) => ({
            ...threadsOf(given, bus),
            ...(redaction !== undefined && { redaction }),
          }),
          redactor,
        }),
        DeliveryModule.forRootAsync({ inject: [CONFIG], useFactory: deliveryOf, offlineNotifier }),
        AgentsModule.forRootAsync({ inject: [CONFIG], useFactory: agentsOf }),
        GatewayModule.forRootAsync({ inject: [CONFIG], useFactory: gatewayOf }),
        HttpModule.forRootAsync({ inject: [CONFIG], useFactory: httpOf }),
        ReferenceModule,
        ...imports,
      ],
    };
  }
}

/** A user may ask as often as so many connections, over all of its own and HTTP together. */
const USER_RATE_FACTOR = 20;

function tracesOf({ otelEnabled }: Config) {
  return { enabled: otelEnabled };
}

/** Nodes that can hear each other may share the database. */
function storageOf({ dataDir, databaseUrl, redisUrl }: Config) {
  return { dataDir, databaseUrl, isShared: redisUrl !== null };
}

function identityOf(config: Config): IdentityOptions {
  const { authJwtSecret, authJwksUrl, authIssuer, authAudience, dataDir } = config;
  const { rateLimitMessagesPerSec, rateLimitBurst } = config;
  const rest = {
    ...(authIssuer !== null && { issuer: authIssuer }),
    ...(authAudience !== null && { audience: authAudience }),
    userRate: { perSecond: rateLimitMessagesPerSec * USER_RATE_FACTOR, burst: rateLimitBurst * USER_RATE_FACTOR },
  };
  if (authJwtSecret !== null) return { keys: { jwtSecret: authJwtSecret }, ...rest };
  if (authJwksUrl !== null) return { keys: { jwksUrl: authJwksUrl }, ...rest };
  return { keys: { developmentSecretFile: join(dataDir, 'dev-secret') }, ...rest };
}

function threadsOf({ maxEventBytes, maxQueuedRunsPerThread, maxRuns, maxRunsPerUser }: Config, bus: Bus) {
  const node = bus.isShared ? bus.nodeId : null;
  return { maxEventBytes, maxQueuedRunsPerThread, node, maxRuns, maxRunsPerUser };
}

function deliveryOf({ offlineWebhookUrl: url, offlineWebhookSecret: secret }: Config): Partial<DeliveryOptions> {
  return url === null || secret === null ? {} : { webhook: { url, secret } };
}

function agentsOf(config: Config) {
  const { maxRuns, maxRunsPerUser, runTimeoutMs, runStallMs, inputTimeoutMs, defaultAgent } = config;
  const { redisUrl, clusterName } = config;
  const [assistant, cluster] = [assistantOf(config), redisUrl === null ? null : { redisUrl, clusterName }];
  return { maxRuns, maxRunsPerUser, runTimeoutMs, runStallMs, inputTimeoutMs, defaultAgent, assistant, cluster };
}

function assistantOf(config: Config): AssistantOptions | null {
  const { openaiModel, openaiBaseUrl, openaiApiKey } = config;
  if (openaiModel === null || !hasModel(config)) return null;
  return {
    model: openaiModel,
    ...(openaiBaseUrl !== null && { baseUrl: openaiBaseUrl }),
    ...(openaiApiKey !== null && { apiKey: openaiApiKey }),
  };
}

function gatewayOf(config: Config) {
  const { authTimeoutMs, contextTimeoutMs, pendingMaxMessages, pendingMaxBytes, maxMessageBytes } = config;
  const { maxConnections, maxConnectionsPerUser, maxUnauthenticatedConnections, maxFollowedThreads } = config;
  const { rateLimitMessagesPerSec, rateLimitBurst, slowConsumerBytes, corsOrigins } = config;
  return {
    authTimeoutMs,
    contextTimeoutMs,
    pendingMaxMessages,
    pendingMaxBytes,
    maxMessageBytes,
    maxConnections,
    maxConnectionsPerUser,
    maxUnauthenticatedConnections,
    maxFollowedThreads,
    rateLimitMessagesPerSec,
    rateLimitBurst,
    slowConsumerBytes,
    corsOrigins,
  };
}

function httpOf(config: Config) {
  const { maxMessageBytes, slowConsumerBytes, contextTimeoutMs, corsOrigins } = config;
  const { maxConnections, maxConnectionsPerUser } = config;
  return {
    maxMessageBytes,
    slowConsumerBytes,
    contextTimeoutMs,
    corsOrigins,
    maxStreams: maxConnections,
    maxStreamsPerUser: maxConnectionsPerUser,
  };
}
