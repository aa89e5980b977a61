import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { Contributions } from './contributions.js';
import { Drainer } from './drainer.js';
import { Health } from './health.js';
import { Lifecycle } from './lifecycle.js';
import { StartupOptions } from './startup-options.js';
import { StartupRunner } from './startup-runner.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<Partial<StartupOptions>>()
  .setClassMethodName('forRoot')
  .setExtras({}, (definition) => ({ ...definition, global: true }))
  .build();

/** Beginning and ending of the process: startup tasks, readiness, drain. Global. Needs clock and metrics. */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: StartupOptions,
      useFactory: (given: Partial<StartupOptions>) => Object.assign(new StartupOptions(), given),
      inject: [MODULE_OPTIONS_TOKEN],
    },
    Contributions,
    Drainer,
    Health,
    Lifecycle,
    StartupRunner,
  ],
  exports: [StartupOptions, Contributions, Drainer, Health, Lifecycle, StartupRunner],
})
export class StartupModule extends ConfigurableModuleClass {}
