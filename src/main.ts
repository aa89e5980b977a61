import 'reflect-metadata';

import { Logger } from '@nestjs/common';

import { ConfigError, loadConfig, readEnvironment, type Config } from './config/index.js';
import { serve } from './serve.js';
import { PinoLogger } from './logs/index.js';
import type { RunningServer } from './startup/index.js';
import { Storage } from './storage/index.js';
import { redactSecrets } from './threads/index.js';

async function main(): Promise<void> {
  const config = loadConfig(readEnvironment());
  const logger = new PinoLogger(config.logLevel, { redact: redactSecrets });
  Logger.overrideLogger(logger.levels);
  Logger.overrideLogger(logger);
  for (const warning of config.warnings) logger.warn(warning, 'Config');

  const stop = new AbortController();
  let server: RunningServer | undefined;
  let exitCode = 0;
  const stopBy = (cause: string): void => {
    if (!stop.signal.aborted) logger.log(`${cause}: stopping`, 'Main');
    stop.abort(new Error(`stopped by ${cause}`));
    if (server !== undefined) void server.drainAndClose().finally(() => process.exit(exitCode));
  };
  // An error that nobody caught: what this process knows may be wrong now. What is durable is not; it is drained as far
  // as it can be, and whoever watches over it starts another one.
  const onDefect = (what: string, error: unknown): void => {
    exitCode = 1;
    logger.fatal(error instanceof Error ? error : new Error(what, { cause: error }), 'Main');
    stopBy(what);
  };
  process.on('uncaughtException', (error) => onDefect('uncaught exception', error));
  process.on('unhandledRejection', (reason) => onDefect('unhandled rejection', reason));
  // Listened to until the end: a second signal that nobody listens to would end the process in the middle of its drain.
  process.on('SIGTERM', stopBy);
  process.on('SIGINT', stopBy);

  try {
    server = await serve(config, { logger, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exit(exitCode);
  }
  if (stop.signal.aborted) stopBy('SIGTERM');
  else greet(server, config);
}

/** What somebody who has just started it needs next. */
function greet({ app, url }: RunningServer, config: Config): void {
  const lines = [`Threadcast serves ${url}`, `Data: ${app.get(Storage).describe()}`];
  if (config.developmentConveniences) {
    lines.push(
      'A first token:',
      `  curl -s -X POST ${url}/dev/token -H 'Content-Type: application/json' -d '{"userId":"alice"}'`,
      'A conversation in this terminal’s neighbour:',
      `  npm run chat -- ${url}`,
      'What can be asked of it:',
      `  ${url}/docs`,
    );
  } else {
    lines.push('Tokens come from your own issuer (AUTH_JWT_SECRET or AUTH_JWKS_URL).');
  }
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
}

main().catch((error: unknown) => {
  const reason = error instanceof ConfigError ? error.message : String(error instanceof Error ? error.message : error);
  process.stderr.write(`\nThreadcast did not start.\n${reason}\n\n`);
  process.exit(1);
});
