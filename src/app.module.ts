import { join } from 'node:path';

import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';

import { AgentsModule, type AssistantOptions } from './agents/index.js';
import { ClockModule } from './clock/index.js';
import { CONFIG, configModule, hasModel, type Config } from './config/index.js';
import { DeliveryModule } from './delivery/index.js';
import { GatewayModule } from './gateway/index.js';
import { HttpModule } from './http/index.js';
import { IdModule } from './ids/index.js';
import { IdentityModule, type IdentityOptions } from './identity/index.js';
import { MetricsModule } from './metrics/index.js';
import { StartupModule } from './startup/index.js';
import { StorageModule } from './storage/index.js';
import { ThreadsModule } from './threads/index.js';

/** The server, put together from its rooms. Only here does a room's options come from the environment. */
@Module({})
export class AppModule {
  /** `imports`: modules of one's own, with agents and whatever else is found by discovery. */
  static forRoot(config: Config, imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    return {
      module: AppModule,
      imports: [
        configModule(config),
        ClockModule,
        IdModule,
        MetricsModule,
        StartupModule.forRootAsync({ inject: [CONFIG], useFactory: (given: Config) => given }),
        StorageModule.forRootAsync({ inject: [CONFIG], useFactory: (given: Config) => given }),
        IdentityModule.forRootAsync({ inject: [CONFIG], useFactory: identityOf }),
        ThreadsModule.forRootAsync({ inject: [CONFIG], useFactory: threadsOf }),
        DeliveryModule,
        AgentsModule.forRootAsync({ inject: [CONFIG], useFactory: agentsOf }),
        GatewayModule.forRootAsync({ inject: [CONFIG], useFactory: gatewayOf }),
        HttpModule.forRootAsync({ inject: [CONFIG], useFactory: httpOf }),
        ...imports,
      ],
    };
  }
}

function identityOf(config: Config): IdentityOptions {
  const { authJwtSecret, authJwksUrl, authIssuer, authAudience, dataDir } = config;
  const expected = {
    ...(authIssuer !== null && { issuer: authIssuer }),
    ...(authAudience !== null && { audience: authAudience }),
  };
  if (authJwtSecret !== null) return { keys: { jwtSecret: authJwtSecret }, ...expected };
  if (authJwksUrl !== null) return { keys: { jwksUrl: authJwksUrl }, ...expected };
  return { keys: { developmentSecretFile: join(dataDir, 'dev-secret') } };
}

function threadsOf({ maxEventBytes, maxQueuedRunsPerThread }: Config) {
  return { maxEventBytes, maxQueuedRunsPerThread };
}

function agentsOf(config: Config) {
  const { maxRuns, maxRunsPerUser, runTimeoutMs, runStallMs, inputTimeoutMs, defaultAgent } = config;
  const assistant = assistantOf(config);
  return { maxRuns, maxRunsPerUser, runTimeoutMs, runStallMs, inputTimeoutMs, defaultAgent, assistant };
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
  const { maxMessageBytes, slowConsumerBytes, corsOrigins, maxConnections, maxConnectionsPerUser } = config;
  return {
    maxMessageBytes,
    slowConsumerBytes,
    corsOrigins,
    maxStreams: maxConnections,
    maxStreamsPerUser: maxConnectionsPerUser,
  };
}
