import 'reflect-metadata';

import { Logger } from '@nestjs/common';

import { ConfigError, loadConfig, readEnvironment, type Config } from './config/index.js';
import { serve } from './serve.js';
import { PinoLogger, type RunningServer } from './startup/index.js';
import { Storage } from './storage/index.js';

async function main(): Promise<void> {
  const config = loadConfig(readEnvironment());
  const logger = new PinoLogger(config.logLevel);
  Logger.overrideLogger(logger);
  for (const warning of config.warnings) logger.warn(warning, 'Config');

  const stop = new AbortController();
  let server: RunningServer | undefined;
  const onSignal = (signal: string): void => {
    if (!stop.signal.aborted) logger.log(`${signal}: stopping`, 'Main');
    stop.abort(new Error(`stopped by ${signal}`));
    if (server !== undefined) void server.drainAndClose().then(() => process.exit(0));
  };
  // Listened to until the end: a second signal that nobody listens to would end the process in the middle of its drain.
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  try {
    server = await serve(config, { logger, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exit(0);
  }
  if (stop.signal.aborted) onSignal('SIGTERM');
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
