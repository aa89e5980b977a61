import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Bounds and times of connections. Durations in ms, sizes in bytes. */
export class GatewayOptions {
  /** From accept to authenticated. */
  authTimeoutMs = 10_000;

  /** How long a failing association is tried again before the run starts without it. */
  contextTimeoutMs = 5_000;

  /** Requests of one connection that wait, before and after it is ready. */
  pendingMaxMessages = 100;
  pendingMaxBytes = 262_144;

  /** One request. Up to four times that is answered, beyond it the socket is closed. */
  maxMessageBytes = 262_144;

  maxConnections = 20_000;
  maxConnectionsPerUser = 50;
  maxUnauthenticatedConnections = 1_000;

  /** Silence between two heartbeats, and how long the answer to one may take before the connection is dead. */
  heartbeatMs = 25_000;
  heartbeatTimeoutMs = 20_000;

  /** Threads that one connection follows at once. */
  maxFollowedThreads = 100;

  /** Requests per connection: so many a second, after a burst of so many. */
  rateLimitMessagesPerSec = 50;
  rateLimitBurst = 200;

  /** Unsent bytes at which a connection leaves live delivery and reads on from the log. */
  slowConsumerBytes = 262_144;

  /** Other origins whose pages may connect. Empty: same origin alone; `['*']`: any. */
  corsOrigins: readonly string[] = [];
}

export const { ConfigurableModuleClass: GatewayModuleBase, MODULE_OPTIONS_TOKEN: GIVEN_GATEWAY_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<GatewayOptions>>({ moduleName: 'Gateway' })
    .setClassMethodName('forRoot')
    .build();
