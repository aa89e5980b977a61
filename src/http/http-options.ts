import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Bounds of the HTTP API. */
export class HttpOptions {
  /** Bytes of one request's body; a larger one is refused (`message_too_large`). */
  maxMessageBytes = 262_144;

  /** Unsent bytes at which an event stream leaves live delivery and reads on from the log. */
  slowConsumerBytes = 262_144;

  /** Event streams that are open at once. */
  maxStreams = 20_000;
  maxStreamsPerUser = 50;

  /** How long a start waits for the connection that it names, in ms; then it goes on without. */
  contextTimeoutMs = 5_000;

  /** Requests that wait for a connection at once: each keeps its body, of at most `maxMessageBytes`. */
  maxConnectionWaits = 1_000;
  maxConnectionWaitsPerUser = 50;

  /** Origins of browsers that are let in. Empty: same origin alone; `['*']`: any. */
  corsOrigins: readonly string[] = [];
}

export const { ConfigurableModuleClass: HttpModuleBase, MODULE_OPTIONS_TOKEN: HTTP_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<HttpOptions>>({ moduleName: 'Http' }).setClassMethodName('forRoot').build();
