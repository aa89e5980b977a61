import type { DynamicModule } from '@nestjs/common';
import { ConfigModule, getConfigToken, registerAs } from '@nestjs/config';

import type { Config } from './config.js';

const NAMESPACE = 'threadcast';

/** Injects the `Config`; modules of the server are given their part of it by `forRootAsync`, and only there. */
export const CONFIG = getConfigToken(NAMESPACE);

/**
 * `@nestjs/config` over a config that was loaded already: by injection of `CONFIG`, or for modules of your own by
 * `ConfigService.get('threadcast.port')`. The environment itself is not read here, so that several applications
 * in one process can have different ones.
 */
export function configModule(config: Config): Promise<DynamicModule> {
  return ConfigModule.forRoot({
    isGlobal: true,
    ignoreEnvFile: true,
    validatePredefined: false,
    skipProcessEnv: true,
    load: [registerAs(NAMESPACE, () => config)],
  });
}
